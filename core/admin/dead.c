/* Dead letters that are tried again: a change of the API.
 *
 * Responsible for asking the store to decode one batch once more, for what is answered, and for the
 * audit. Not responsible for showing them (records.c), nor for decoding: that is the store's, within
 * one transaction (yett/store.h, YETT_TABLE_REPLAY). On the loop, but for `find`: the letter is read
 * first, by the store's reader, for its origin: whether that may speak for others is judged anew, as of a
 * batch that has just come. */
#include <inttypes.h>
#include <stdlib.h>

#include "../base/id.h"
#include "../flow/stages.h"
#include "request.h"

struct replay {
	struct yett_admin_request *request;
	uint64_t id;
	char key[24];
	struct yett_id origin; /* zero: there is no such letter */
	int result;            /* of reading it */
};

static json_t *error_of(const struct replay *replay, int result)
{
	switch (result) {
	case YETT_ENOTFOUND:
		return yett_admin_error("ENOTFOUND", "yettctl dead list shows those that there are",
			"there is no dead letter %s", replay->key);
	case YETT_EINVAL:
		return yett_admin_error("EINVAL",
			"yettctl dead list says why; try again once that is mended",
			"the dead letter %s still cannot be stored; it is kept", replay->key);
	case YETT_EUNAVAIL:
		return yett_admin_error("EUNAVAIL",
			"see to it (store-failing in the log says what ails it), and say it again",
			"the store fails; whether it was changed shows when it works again");
	default:
		return yett_admin_error(yett_result_name(result), "see this server's journal", "%s",
			yett_result_text(result));
	}
}

static unsigned status_of(int result)
{
	return result == YETT_ENOTFOUND ? 404 : result == YETT_EINVAL ? 409 : 500;
}

static void replayed(void *arg, int result, uint64_t revision)
{
	struct replay *replay = arg;
	struct yett_admin_request *request = replay->request;

	(void)revision;
	if (result == 0) {
		yett_admin_answer(request, 200,
			json_pack("{s:s, s:s}", "action", "dead replay", "key", replay->key));
	} else {
		yett_admin_answer(request, status_of(result), error_of(replay, result));
	}
	g_free(replay);
}

static void answer_wrong(
	struct yett_admin_request *request, unsigned status, const char *mend, const char *text)
{
	yett_admin_answer(request, status,
		yett_admin_error(status == 400 ? "EINVAL" : "ENOTSUP", mend, "%s", text));
}

static void change(struct replay *replay)
{
	struct yett_admin_request *request = replay->request;
	struct yett_node *node = yett_manage_node(request->manage);
	bool for_others = yett_store_for_others(node, &replay->origin);
	char place[YETT_AUDIT_PLACE_SIZE], *audit;
	struct yett_store_also also;

	/* Who has done so is written in the same transaction. */
	audit = yett_manage_audit(request->manage, request->by, "dead replay", "dead letter",
		replay->key, NULL, NULL, place);
	also = (struct yett_store_also){"audit", place, audit};
	yett_store_change_also(node, YETT_TABLE_REPLAY, replay->key,
		for_others ? YETT_REPLAY_FOR_OTHERS : YETT_REPLAY, YETT_REVISION_ANY, &also, 1,
		replayed, replay);
	free(audit);
}

static int see_origin(void *arg, const struct yett_dead_letter *letter)
{
	struct replay *replay = arg;

	(void)yett_id_parse(letter->origin, &replay->origin);
	return 0;
}

static void find(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct replay *replay = arg;

	replay->result = operations->dead_letters(self, replay->id, 1, see_origin, replay, NULL);
}

static void found(void *arg)
{
	struct replay *replay = arg;

	if (replay->request->manage == NULL || replay->result < 0) {
		replayed(replay, YETT_EUNAVAIL, 0);
	} else if (yett_id_is_zero(&replay->origin)) {
		replayed(replay, YETT_ENOTFOUND, 0);
	} else {
		change(replay);
	}
}

void yett_admin_dead_replay(struct yett_admin_request *request)
{
	struct yett_node *node = yett_manage_node(request->manage);
	json_int_t id = json_integer_value(json_object_get(request->body, "id"));
	struct replay *replay;
	void *self;

	if (node->store == NULL) {
		answer_wrong(request, 409, "ask a management server", "this node has no store");
		return;
	}
	if (yett_store_operations(node, &self)->dead_letters == NULL) {
		answer_wrong(request, 409, "ask its database",
			"this store does not show dead letters here");
		return;
	}
	if (id <= 0) {
		answer_wrong(request, 400, "give the id that yettctl dead list shows",
			"no dead letter is named");
		return;
	}
	replay = g_new0(struct replay, 1);
	replay->request = request;
	replay->id = (uint64_t)id;
	g_snprintf(replay->key, sizeof(replay->key), "%" PRId64, (int64_t)id);
	yett_admin_read(request, find, found, replay);
}
