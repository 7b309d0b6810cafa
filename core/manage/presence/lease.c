/* The lease: one management server of the group at a time evaluates and raises alerts.
 *
 * Responsible for taking it, keeping it and giving it up: the document `alerts` of the table `lease`,
 * changed by compare-and-set only. No clock is compared with another: the holder changes the document
 * again and again, and whoever has seen it unchanged for the length of a lease and a margin, by its own
 * monotonic clock, may take it; the holder counts from before it asked, so it has given up by then. A
 * server that starts again takes its own at once, since whoever held it under that id is dead. On the
 * loop. While the store fails nobody holds it. */
#include "../../base/id.h"
#include "../../base/log.h"
#include "../internal.h"
#include "../views/views.h"

#define LEASE_NS  (10 * YETT_SEC)
#define MARGIN_NS (2 * YETT_SEC) /* the looks of one server are so far apart, and more */
#define RENEW_NS  (3 * YETT_SEC)

uint64_t yett_lease_cursor(const struct yett_document *document)
{
	return (uint64_t)json_integer_value(json_object_get(document->json, "records"));
}

static void asked(void *arg, int result, uint64_t revision)
{
	struct yett_manage *manage = arg;
	struct yett_lease *lease = &manage->lease;
	bool held = lease->until_ns != 0;

	lease->asked = false;
	if (result == YETT_ECLOSED) {
		return;
	}
	if (result != 0 || lease->released) {
		lease->until_ns = 0;
		if (held && !lease->released) {
			yett_log(YETT_LOG_WARNING, "lease-lost",
				"another management server raises alerts now: this one has not "
				"renewed its lease in time holder=%s",
				lease->holder);
		}
		return;
	}
	lease->revision = revision;
	lease->seen_at_ns = yett_now(manage->node);
	lease->until_ns = lease->asked_at_ns + LEASE_NS;
	if (!held) {
		g_strlcpy(lease->holder, manage->node->name, sizeof(lease->holder));
		yett_log(YETT_LOG_NOTICE, "lease-taken",
			"this server raises the group's alerts now");
		yett_alerts_forget(manage);
	}
}

static void ask(struct yett_manage *manage, bool release)
{
	struct yett_lease *lease = &manage->lease;
	char id[YETT_ID_TEXT_SIZE], time[32];
	json_t *json = json_pack("{s:s, s:s, s:s, s:I}", "id",
		release ? "" : yett_id_text(&manage->node->id, id), "name", manage->node->name,
		"renewed", yett_time_text(yett_clock_wall(manage->node->clock), time, sizeof(time)),
		"records", (json_int_t)yett_look_cursor(manage));
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (text == NULL) {
		return;
	}
	lease->asked = true;
	lease->released = release;
	lease->asked_at_ns = yett_now(manage->node);
	lease->renew_ns = lease->asked_at_ns + RENEW_NS;
	yett_store_change(manage->node, "lease", "alerts", text, lease->revision, asked, manage);
	free(text);
}

void yett_lease_saw(struct yett_manage *manage, const GPtrArray *documents)
{
	const struct yett_document *document = documents->len > 0 ? documents->pdata[0] : NULL;
	uint64_t revision = document != NULL ? document->revision : 0;
	struct yett_lease *lease = &manage->lease;
	uint64_t now_ns = yett_now(manage->node);
	const char *holder = "";
	struct yett_id id = {0};

	if (lease->asked || lease->released) {
		return; /* its answer is newer than this look */
	}
	if (document != NULL) {
		holder = json_string_value(json_object_get(document->json, "id"));
		holder = holder != NULL ? holder : "";
		yett_id_parse(holder, &id);
	}
	if (revision != lease->revision || lease->seen_at_ns == 0) {
		const char *name =
			document != NULL
				? json_string_value(json_object_get(document->json, "name"))
				: NULL;

		lease->revision = revision;
		lease->seen_at_ns = now_ns;
		g_strlcpy(lease->holder, name != NULL ? name : "", sizeof(lease->holder));
	}
	if (lease->until_ns == 0 && (holder[0] == '\0' || yett_id_equal(&id, &manage->node->id) ||
					    now_ns - lease->seen_at_ns > LEASE_NS + MARGIN_NS)) {
		ask(manage, false);
	}
}

/* Whoever holds it could not renew it either. */
void yett_lease_blind(struct yett_manage *manage, uint64_t for_ns)
{
	struct yett_lease *lease = &manage->lease;

	if (lease->seen_at_ns != 0) {
		lease->seen_at_ns = MIN(lease->seen_at_ns + for_ns, yett_now(manage->node));
	}
}

void yett_lease_tick(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_lease *lease = &manage->lease;

	if (lease->asked || lease->released || lease->until_ns == 0) {
		return;
	}
	if (manage->node->draining) {
		lease->until_ns = 0;
		ask(manage, true); /* the next one need not wait */
	} else if (now_ns >= lease->renew_ns) {
		ask(manage, false);
	}
}

/* What is shown of it. */
json_t *yett_view_lease(const struct yett_manage *manage)
{
	return json_pack("{s:s?, s:b}", "holder",
		manage->lease.holder[0] != '\0' ? manage->lease.holder : NULL, "held",
		yett_lease_held(manage));
}
