/* The health of a node, as views show it.
 *
 * Responsible for judging what is known of a node (known.c) by the settings for heartbeats and grace.
 * Not responsible for keeping it. On the loop; pure. */
#include "../flow/stages.h"
#include "internal.h"

const char *yett_health_text(enum yett_health health)
{
	static const char *const texts[] = {
		"Not monitored", "Healthy", "Warning", "Critical", "Unreachable"};

	return texts[health];
}

enum yett_health yett_manage_health(
	const struct yett_manage *manage, const struct yett_known *known, const char **ret_cause)
{
	const struct yett_settings *settings = manage->node->settings;
	uint64_t now_ns = yett_now(manage->node);
	uint64_t limit_ns =
		settings->node.heartbeat_ns * (uint64_t)settings->node.missing_heartbeats;

	*ret_cause = "";
	if (known->heard_at_ns == 0 && !known->live) {
		*ret_cause = "not seen since this server started";
		return YETT_HEALTH_NOT_MONITORED;
	}
	if (!known->live) {
		if (now_ns - known->gone_at_ns < settings->node.gone_grace_ns) {
			*ret_cause = "its session has just ended";
			return YETT_HEALTH_WARNING;
		}
		*ret_cause = "its session is gone";
		return YETT_HEALTH_UNREACHABLE;
	}
	if (now_ns - known->heard_at_ns > limit_ns) {
		*ret_cause = "its heartbeats are missing";
		return YETT_HEALTH_UNREACHABLE;
	}
	if (known->degraded) {
		*ret_cause = "it says that it is degraded";
		return YETT_HEALTH_WARNING;
	}
	return YETT_HEALTH_HEALTHY;
}
