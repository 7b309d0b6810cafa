/* What yettctl can do: one table for the parser, for --help and for the manual page.
 *
 * Responsible for the names of commands and options, and for the words that explain them. `code` in
 * a text is set apart by the manual. Not for what they do. */
#include "commands.h"

#include "ctl.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, 0, 0                                                             \
	}

const struct yett_option yett_common_options[] = {
	{"socket", "PATH",
		"The node's admin socket; " YETT_RUN_DIR
		"/yett/admin.sock unless given here or in YETT_SOCKET.",
		0, 0},
	{"json", NULL,
		"JSON instead of a table: what the interface itself answers, as openapi.yaml in "
		"the "
		"documentation has it.",
		0, 0},
	{"watch", "SECONDS",
		"Draws a view again and again, every 2 s unless given; from 0.1 s to a day. With "
		"`--json`, each answer is a line.",
		0, YETT_OPTION_MAYBE},
	{"version", NULL, "Prints the version.", 0, 0},
	{"help", NULL, "Says what there is; of a command, what it takes.", 'h', 0},
	END,
};

#define TIME_OPTIONS                                                                               \
	{"from", "TIME",                                                                           \
		"Not before this time: `2026-01-31T12:00:00Z`, or `-15m` for a quarter of an "     \
		"hour "                                                                            \
		"ago.",                                                                            \
		0, 0},                                                                             \
		{"to", "TIME", "Before this time, likewise.", 0, 0},                               \
	{                                                                                          \
		"limit", "N", "At most so many, the newest, up to 10000; 100 unless given.", 0, 0  \
	}

static const struct yett_option records_options[] = {
	{"origin", "PATTERN", "Of this node; * and ? stand for any text, any letter.", 0, 0},
	{"name", "PATTERN", "With this name.", 0, 0},
	{"kind", "KIND", "`metric`, `event` or `state`.", 0, 0},
	TIME_OPTIONS,
	{"follow", NULL, "Goes on with what arrives.", 'f', 0},
	END,
};

static const struct yett_option events_options[] = {
	{"origin", "PATTERN", "Of this node.", 0, 0},
	{"event", "PATTERN", "With this name.", 0, 0},
	{"level", "LEVEL", "At least so grave: `error`, `warning` or `notice`.", 0, 0},
	TIME_OPTIONS,
	END,
};

static const struct yett_option alerts_options[] = {
	{"all", NULL, "Those that have closed, too, as far as they are among the newest 500.", 0,
		0},
	END,
};

static const struct yett_option ack_options[] = {
	{"comment", "TEXT", "What others should know of it.", 0, 0},
	END,
};

static const struct yett_option maintenance_start_options[] = {
	{"site", "SITE", "A site instead of a node: the nodes behind its gateways.", 0, 0},
	{"for", "TIME",
		"So long: `30 min`, `2h`, `3 d`, a year at most; without it, until it is stopped.",
		0, 0},
	{"reason", "TEXT", "Why.", 0, 0},
	END,
};

static const struct yett_option maintenance_stop_options[] = {
	{"site", "SITE", "A site instead of a node.", 0, 0},
	END,
};

#define AHEAD                                                                                      \
	{                                                                                          \
		"ahead", NULL,                                                                     \
			"Also a name that nobody has come with, and that is like one that waits.", \
			0, 0                                                                       \
	}

static const struct yett_option gateway_options[] = {
	{"site", "SITE",
		"Where it stands: a label that views show, and that maintenance and rules go by.",
		0, 0},
	{"server", "NAME", "The management server that it is meant for, a label, too.", 0, 0},
	AHEAD,
	END,
};

static const struct yett_option gateway_delete_options[] = {
	{"force", NULL,
		"Although that cuts nodes off, or leaves data in the gateway's queue behind.", 0,
		0},
	END,
};

static const struct yett_option gateway_drain_options[] = {
	{"to", "NAME[=ADDRESS],…",
		"Where those go for which no other upstream is set: the one that they prefer "
		"first.",
		0, 0},
	{"cancel", NULL, "It takes nodes again. Who has moved stays where it is.", 0, 0},
	{"wait", "SECONDS", "At most so long (900); it goes on after that.", 0, YETT_OPTION_MAYBE},
	END,
};

static const struct yett_option agent_options[] = {
	{"all", NULL, "All that wait.", 0, 0},
	AHEAD,
	END,
};

static const struct yett_option revoke_options[] = {AHEAD, END};

static const struct yett_option forget_options[] = {
	{"force", NULL,
		"Although something of it may still come: what is brought by a gateway that may "
		"not "
		"speak for it any more is declared lost.",
		0, 0},
	END,
};

static const struct yett_option rollover_options[] = {
	{"compromised", NULL,
		"The key is, or may be, in other hands: nothing that it has vouched for counts any "
		"more.",
		0, 0},
	END,
};

static const struct yett_option kit_options[] = {
	{"upstream", "NAME[=ADDRESS]",
		"Where it goes first; several with commas, the preferred one first. Without it: to "
		"this management server, by its own name.",
		0, 0},
	{"out", "FILE", "Where to; a file that is there is never written over.", 0, 0},
	END,
};

#define WAIT                                                                                       \
	{                                                                                          \
		"wait", "SECONDS",                                                                 \
			"Until the node has answered, at most so long (900); the exit code is 1 "  \
			"where it has refused it or gone back, 3 where there is no answer yet "    \
			"when the time is over: what is set stays set.",                           \
			0, YETT_OPTION_MAYBE                                                       \
	}

static const struct yett_option upstream_options[] = {
	{"primary", "NAME[=ADDRESS]", "The one that is preferred.", 0, YETT_OPTION_REQUIRED},
	{"failover", "NAME[=ADDRESS],…", "Those that it goes to when that is gone, in order.", 0,
		0},
	WAIT,
	END,
};

static const struct yett_option set_options[] = {
	{"unset", "NAME", "Leaves this one to the node's file again.", 0, YETT_OPTION_REPEATED},
	WAIT,
	END,
};

static const struct yett_option rule_options[] = {
	{"method", "METHOD", "Only those that authenticate so: `x509`, `kerberos`.", 0, 0},
	{"authority", "AUTHORITY", "Only those of this certificate authority or realm.", 0, 0},
	{"site", "SITE", "Only those behind the gateways of this site.", 0, 0},
	END,
};

static const struct yett_option explain_options[] = {
	{"config", "FILE",
		"This configuration is checked first, and its `admin.socket` is the one that is "
		"asked.",
		0, 0},
	END,
};

#define CA                                                                                         \
	{                                                                                          \
		"ca", "DIR", "The authority's folder; `ca` unless given.", 0, 0                    \
	}

static const struct yett_option ca_init_options[] = {
	CA,
	{"name", "NAME", "What it is called.", 0, 0},
	{"suffix", "SUFFIX",
		"It speaks only for names that end so (`example.com`); without it, for every name.",
		0, YETT_OPTION_REPEATED},
	{"days", "N", "In force for so long; ten years unless given.", 0, 0},
	END,
};

static const struct yett_option ca_issue_options[] = {
	CA,
	{"out", "DIR", "Where to; the folder is made if need be.", 0, 0},
	{"days", "N", "In force for so long; 396 unless given.", 0, 0},
	{"not-before", "TIME", "In force from then on: RFC 3339, `now`, `-1d`.", 0, 0},
	END,
};

static const struct yett_option ca_options[] = {CA, END};

static const struct yett_option ca_crl_options[] = {
	CA,
	{"days", "N", "In force for so long; 30 unless given.", 0, 0},
	END,
};

static const struct yett_option cert_options[] = {
	{"name", "NAME", "The node's fully qualified name, which it must carry.", 0, 0},
	{"key", "FILE", "The key that must belong to it.", 0, 0},
	{"trust", "FILE", "The roots that it must chain to.", 0, 0},
	END,
};

#define VIEW (YETT_FORM_JSON | YETT_FORM_WATCH)
#define LAST                                                                                       \
	{                                                                                          \
		NULL, NULL, NULL, NULL, NULL, 0, NULL                                              \
	}

static const struct yett_form of_any_node[] = {
	{"node", NULL, "this node: name, role, health, the way to the store", NULL, NULL, VIEW,
		yett_ctl_show},
	{"sessions", NULL, "the sessions of this node",
		"The sessions of this node: with whom, how they proved their name, whether that is "
		"bound to the channel, how long it may last, how many records came; below each, "
		"the "
		"principal, and the address.",
		NULL, VIEW, yett_ctl_show},
	{"upstreams", NULL, "the upstreams of this node, and why one is not used", NULL, NULL, VIEW,
		yett_ctl_show},
	{"queue", NULL, "what waits here, by lane, and for which upstream", NULL, NULL, VIEW,
		yett_ctl_show},
	{"modules", NULL, "the modules that this node has loaded", NULL, NULL, VIEW, yett_ctl_show},
	LAST,
};

static const struct yett_form of_a_server[] = {
	{"servers", NULL, "management servers and gateways, and how they are",
		"Management servers and gateways, how they are and since when; below each that is "
		"not well, why.",
		NULL, VIEW, yett_ctl_show},
	{"agents", NULL, "agents, by the server that they report to",
		"Agents, a table for each server that they report to; below each that is not well, "
		"why.",
		NULL, VIEW, yett_ctl_show},
	{"events", NULL, "what nodes have logged",
		"What nodes have logged, from notice on, oldest first.", events_options, VIEW,
		yett_ctl_events},
	{"dead list", NULL, "batches that could not be stored",
		"Batches that could not be stored and are kept as they came: from whom, since "
		"when, "
		"the numbers, and why.",
		NULL, VIEW | YETT_FORM_STANDARD, yett_ctl_dead_list},
	{"dead show", "ID", "one of them, with the batch itself, base64", NULL, NULL, VIEW,
		yett_ctl_dead_show},
	{"dead replay", "ID", "decodes one again, and stores it",
		"Decodes one again, and stores what it holds, once somebody has mended what was in "
		"the "
		"way: mostly, when a node of a newer version was here before this server was, or "
		"when "
		"a gateway that declares losses of others has been approved since. Then it "
		"is a dead letter no more. What still cannot be stored is kept, and the exit code "
		"is 1.",
		NULL, YETT_FORM_JSON, yett_ctl_dead_replay},
	{"alerts", NULL, "what is not well, and who looks after it",
		"What is not well: how bad it is, the alert's id, the node, when it was raised, "
		"and "
		"who looks after it; below each, what it is.",
		alerts_options, VIEW, yett_ctl_alerts},
	{"alert ack", "ID", "says that you look after an alert",
		"Says that you look after an alert. It closes by itself when all is well again.",
		ack_options, YETT_FORM_JSON, yett_ctl_alert_ack},
	{"maintenance", NULL, "who is worked on, and raises no alerts",
		"The nodes and sites that somebody works on: no alerts are raised for them.", NULL,
		VIEW, yett_ctl_show},
	{"maintenance start", "[NODE]", "begins it, for a node or a site",
		"From now on no alerts are raised for this node, or for this site.",
		maintenance_start_options, YETT_FORM_JSON, yett_ctl_maintenance_start},
	{"maintenance stop", "[NODE]", "raises alerts again", NULL, maintenance_stop_options,
		YETT_FORM_JSON, yett_ctl_maintenance_stop},
	{"records", NULL, "stored records",
		"Stored records, oldest first. With `--json`, each is a line.", records_options,
		VIEW, yett_ctl_records},
	{"account", NULL, "what is stored, under way, lost or twice, by origin",
		"What is stored, under way, lost or twice, by origin. The exit code is 1 if "
		"anything "
		"is lost or stored twice.",
		NULL, VIEW, yett_ctl_account},
	{"losses", NULL, "each range that is lost, and why",
		"Each range that is lost, and why: the cause, its epoch, lane, first number and "
		"count; below it, whose it is, and the node that told so: by their names, or by "
		"their ids where this server knows no name. Of more than 100,000 it shows the "
		"first, and says so; then the "
		"exit code is 1.",
		NULL, VIEW, yett_ctl_losses},
	LAST,
};

static const struct yett_form of_who_takes_part[] = {
	{"pending", NULL, "nodes that wait for a decision",
		"Nodes that wait for a decision: name, type, the management server that heard of "
		"it, "
		"since when; below each how it authenticated, as whom, and by which way it came.",
		NULL, VIEW, yett_ctl_show},
	{"decisions", NULL, "what was decided about nodes, by whom and when", NULL, NULL, VIEW,
		yett_ctl_show},
	{"gateway approve", "NAME", "lets a gateway in",
		"Lets a gateway in, and lets it speak for others. A name that nobody has come "
		"with, "
		"and that is like one that waits, is refused unless `--ahead` says that it is "
		"meant.",
		gateway_options, YETT_FORM_JSON, yett_ctl_gateway_approve},
	{"gateway drain", "NAME", "empties a gateway",
		"Empties a gateway, shows how far it is, and ends with what is left. It lets in "
		"nobody who was not there; those with other upstreams in their own files go to "
		"them, those that are set from afar, or for which `--to` says where, are moved; "
		"what it holds is delivered. The exit code is 0 when it is empty, 1 where nodes "
		"are left that have no other way, each with the reason, 3 where the time is over.",
		gateway_drain_options, YETT_FORM_JSON, yett_ctl_gateway_drain},
	{"gateway delete", "NAME", "takes that back",
		"Takes that back. Refused while nodes have no other way, naming them, while data "
		"waits in it, as it said last, or while it is not connected, so that nobody can "
		"say; `--force` cuts them off, and what waits in the gateway's queue stays there.",
		gateway_delete_options, YETT_FORM_JSON, yett_ctl_gateway_delete},
	{"agent approve", "[NAME…]", "lets agents in",
		"Lets agents in: those named, or all that wait.", agent_options, YETT_FORM_JSON,
		yett_ctl_agent_approve},
	{"agent reject", "[NAME…]", "keeps agents out",
		"Keeps agents out. A name that nobody has had here is refused unless `--ahead` "
		"says "
		"that it is meant; so it is by `node revoke`.",
		agent_options, YETT_FORM_JSON, yett_ctl_agent_reject},
	{"agent delete", "NAME…", "takes back what was decided about agents",
		"Takes back what was decided about agents, as if nobody had: `manual-agents` and "
		"rules count for them when they come again. For those that were approved and are "
		"gone, and for rejections of agents that will not come again: what is kept of them "
		"at each gateway is bounded.",
		NULL, YETT_FORM_JSON, yett_ctl_agent_delete},
	{"node revoke", "NAME", "cuts a node off at every listener",
		"Cuts a node off at every listener, whatever its list says, and closes its "
		"sessions. "
		"What it has sent and is still on its way is declared lost. `gateway approve` or "
		"`agent approve` lets it in again.",
		revoke_options, YETT_FORM_JSON, yett_ctl_node_revoke},
	{"node forget", "NAME", "forgets a node that is gone",
		"Forgets a node that is gone, or a management server: all ids of its name, for "
		"whom "
		"it might speak and who for it, its checks, what was set for it. Its records stay, "
		"and so does what was decided about its name (`agent delete`, `gateway delete` "
		"take "
		"that back). Refused while it is connected, or is an approved gateway; and without "
		"`--force` while records of it are under way, while a gateway that has brought "
		"some "
		"is not connected or has data waiting, within 25 hours after it was heard of, "
		"since gateways would tell of it again, and always where it was a gateway itself, "
		"since nobody can say whether it has data left.",
		forget_options, YETT_FORM_JSON, yett_ctl_node_forget},
	{"node kit", "NAME", "writes the installation file of a node",
		"Writes the installation file of a node: the group's id and public keys, "
		"certificates to trust, where to go first. A node that names it as `group.kit` "
		"needs its certificate and key besides, and neither `authentication` nor "
		"`upstreams`.",
		kit_options, YETT_FORM_JSON, yett_ctl_node_kit},
	{"upstream set", "NODE", "sets the upstreams of a gateway or an agent",
		"Sets the upstreams of a gateway or an agent, wherever it is. Each of them is "
		"asked "
		"first whether it lets the node in: one that does not ends it, one that is away is "
		"waited for. The node keeps those that it has until one of the new ones is up; if "
		"none is within its `node.upstream-trial` (10 minutes) it goes back by itself. Any "
		"management server of the group goes on with what another one has begun.",
		upstream_options, YETT_FORM_JSON, yett_ctl_upstream_set},
	{"node set", "NODE [NAME=VALUE…]", "sets what a node should be like",
		"Sets what may be set from afar: `HeartbeatInterval`, `MissingHeartbeatThreshold`, "
		"`RequestCompression`, `DisplayName`, or the names of the configuration: those "
		"that "
		"yettd.conf(5) marks so, as `node.heartbeat`, `linger.normal`, `policy.failback`. "
		"Of "
		"a property that is not set from afar, the answer says where it is changed.",
		set_options, YETT_FORM_JSON, yett_ctl_node_set},
	{"node show", "NODE", "how another node is, and what is set there",
		"A node, or a management server: each of its properties, what is in force, by "
		"whose word (`desired`, `pinned`, `file`, `node`, `group`); below one that "
		"somebody "
		"has set, what is desired, in which revision, and since when it is in force; at "
		"the "
		"end, who has set it, and what the node says of that. The node itself is asked for "
		"what only it knows; where it cannot be, the reason is shown. What stands "
		"as `file` without a value is in the node's own file, which this server does not "
		"see.",
		NULL, VIEW, yett_ctl_node_show},
	{"audit", NULL, "who has changed what, the newest last", NULL, NULL, VIEW, yett_ctl_show},
	LAST,
};

static const struct yett_form of_the_group[] = {
	{"group show", NULL, "its id, keys, servers, settings and rules", NULL, NULL,
		VIEW | YETT_FORM_STANDARD, yett_ctl_group_show},
	{"group init", "NAME", "makes the group",
		"Makes the group: its key, and the one that will succeed it, in this server's "
		"state "
		"directory. The name has to be `group.name` of the configuration, and the id is "
		"`group.id`. Once for a store.",
		NULL, YETT_FORM_JSON, yett_ctl_group_init},
	{"group join", NULL, "lets this server sign for the group",
		"Lets this server, which shares the store, sign for the group: it gets a key of "
		"its "
		"own, certified by the server that has the group's.",
		NULL, YETT_FORM_JSON, yett_ctl_group_join},
	{"group rollover", NULL, "makes the successor the group's key, and a new successor",
		"Makes the successor the group's key, and a new successor. Decisions that gateways "
		"have go on until they expire; with `--compromised` they end as soon as a gateway "
		"hears of it, and are asked for again. 64 times in all.",
		rollover_options, YETT_FORM_JSON, yett_ctl_group_rollover},
	{"group set", "KEY=VALUE…", "changes settings of the group",
		"`manual-agents`: what becomes of agents that nobody has decided on, `reject`, "
		"`review` or `approve`. `decision-days`: how long a decision counts at a gateway "
		"that is cut off, from 1 to 365.",
		NULL, YETT_FORM_JSON, yett_ctl_group_set},
	{"group rule add", "PATTERN", "approves agents by their names, as they come",
		"Approves agents by their names, as they come, and by what the options say. There "
		"is one rule for a pattern, and 100 of them at most.",
		rule_options, YETT_FORM_JSON, yett_ctl_group_rule_add},
	{"group rule delete", "PATTERN", "takes a rule away",
		"Takes a rule away; who was approved by it stays so.", NULL, YETT_FORM_JSON,
		yett_ctl_group_rule_delete},
	LAST,
};

static const struct yett_form of_a_queue[] = {
	{"queue inspect", "DIR", "what is in it, by lane and origin", NULL, NULL,
		YETT_FORM_JSON | YETT_FORM_FILES, yett_ctl_queue_inspect},
	{"queue verify", "DIR", "reads every batch",
		"Reads every batch. The exit code is 1 if any is damaged.", NULL, YETT_FORM_FILES,
		yett_ctl_queue_verify},
	{"queue export", "DIR", "prints its records, a line of JSON each", NULL, NULL,
		YETT_FORM_JSON | YETT_FORM_FILES, yett_ctl_queue_export},
	LAST,
};

static const struct yett_form of_causes[] = {
	{"explain", "[NODE]", "why this node, or another, is as it is: the cause, and its mend",
		"Why a node's data arrives, or does not: step by step, ending in one sentence with "
		"the cause and its mend. Without a name, this node's own way up: name resolution, "
		"connection, TLS, clock, authentication, admission, path to the store, "
		"acknowledgements, and when a new session last proved it; then its queue, its "
		"store and its heartbeats. Where the daemon "
		"does not run or does not answer, that is the cause. With a name, on a management "
		"server or a gateway: what is known of that node there, whom it was refused as and "
		"why, how its session ended, which gateway it is behind. A management server also "
		"asks each gateway on the way to the node what it sees of it, and the node itself "
		"for its own way up, and waits 6 seconds for that; who does not answer is shown "
		"with the reason. The sentence at the end is then the worst of what all say, in "
		"the words of the end nearest to the node. The exit code is 1 unless nothing is in "
		"the way.",
		explain_options, VIEW, yett_ctl_explain},
	{"drill", "[NODE]", "proves the way by each upstream, without an outage",
		"Proves the way by each upstream of this node, used or not, without an outage: "
		"address, connection, TLS, authentication, admission, and its way to the store. "
		"What carries data goes on meanwhile. With a name, on a management server: that "
		"node does so, wherever it is, and not again within 10 seconds. The exit code is 1 "
		"unless each is proven.",
		NULL, YETT_FORM_JSON, yett_ctl_drill},
	{"check", "FILE", "checks a configuration; starts nothing",
		"Checks a configuration as `yettd --check` does; starts nothing.", NULL,
		YETT_FORM_FILES, yett_ctl_check},
	LAST,
};

static const struct yett_form of_an_authority[] = {
	{"ca init", "[DIR]", "makes an authority",
		"Makes an authority: a key, and a certificate that nodes are given as `trust`.",
		ca_init_options, YETT_FORM_FILES, yett_ctl_ca_init},
	{"ca issue", "NAME", "makes a key and a certificate for a node",
		"Makes NAME`.crt` and NAME`.key` for the node with this fully qualified name.",
		ca_issue_options, YETT_FORM_FILES, yett_ctl_ca_issue},
	{"ca revoke", "NAME|SERIAL", "takes certificates back",
		"Takes the certificates with this name, or the one with this serial number, back, "
		"and writes the list of what is revoked, `ca.crl`.",
		ca_options, YETT_FORM_FILES, yett_ctl_ca_revoke},
	{"ca crl", NULL, "writes the list of what is revoked anew", NULL, ca_crl_options,
		YETT_FORM_FILES, yett_ctl_ca_crl},
	{"cert show", "FILE", "what a certificate says, and what is wrong with it",
		"Shows a certificate, and all that would keep a node from using it. The exit code "
		"is "
		"1 if there is anything.",
		cert_options, YETT_FORM_JSON | YETT_FORM_FILES, yett_ctl_cert_show},
	LAST,
};

const struct yett_part yett_parts[] = {
	{"Views of any node", NULL, of_any_node},
	{"Views of a management server", NULL, of_a_server},
	{"Who may take part",
		"On a management server. A decision made on one holds on all that share its store, "
		"and at the gateways that read the group's installation file.",
		of_who_takes_part},
	{"The management group", NULL, of_the_group},
	{"A queue at rest", "While the daemon is stopped, or of a copy; nothing is changed.",
		of_a_queue},
	{"Causes", NULL, of_causes},
	{"A certificate authority",
		"Works on files alone. Whoever has its key can be any node: keep it off the nodes.",
		of_an_authority},
	{NULL, NULL, NULL},
};
