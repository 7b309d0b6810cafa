/* Mistakes in configurations: each class with its exact words and line, and six at once. */
#include "conf-text.h"
#include "suite.h"

/* `want` are the lines of the answer, without the file's name before each. */
struct mistake {
	const char *name, *text, *want;
};

static void try_mistakes(const struct mistake *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *got, **lines, *want;
		struct yett_conf *conf = load(table[i].text, &got);

		lines = g_strsplit(got, FILE_NAME, -1);
		want = g_strjoinv("", lines);
		if (strcmp(want, table[i].want) != 0) {
			fprintf(stderr, "\n%s:\n  got  %s  want %s\n", table[i].name, want,
				table[i].want);
		}
		CU_ASSERT_STRING_EQUAL(want, table[i].want);
		CU_ASSERT_PTR_NULL(conf);
		yett_conf_free(conf);
		g_strfreev(lines);
		g_free(want);
		free(got);
	}
}
#define TRY(table) try_mistakes(table, sizeof(table) / sizeof((table)[0]))

static void test_values(void)
{
	static const struct mistake table[] = {
		{"unknown, near", AGENT "node-1 = 1;\nadmim = { };\n",
			":4: 'node-1' is no setting: did you mean 'node'?\n"
			":5: 'admim' is no setting: did you mean 'admin'?\n"},
		{"unknown, far", AGENT "linger = { frobnication = 1; };\n",
			":4: 'frobnication' is no setting of linger: there are normal, bulk, "
			"batch\n"},
		{"unknown in a module",
			AGENT "queue = { module = \"queue-disk\"; siez = \"1 B\"; };",
			":4: 'siez' is no setting of queue (queue-disk): did you mean 'size'?\n"},
		{"module without settings", AGENT "queue = { module = \"queue-memory\"; x = 1; };",
			":4: 'x' is no setting of queue (queue-memory): there are module, name\n"},
		{"string wanted", AGENT "admin = {\n socket = 5; };\n",
			":5: 'socket' of admin is the number 5, not a path: write it in quotes\n"},
		{"bool wanted", AGENT "queue = { fast = \"yes\"; };\n",
			":4: 'fast' of queue (queue-disk) is the string \"yes\", not true or "
			"false: "
			"write true or false, without quotes\n"},
		{"int wanted", AGENT "queue = { count = 1.5; };\n",
			":4: 'count' of queue (queue-disk) is the number 1.5, not a whole number: "
			"write a whole number\n"},
		{"int quoted", AGENT "queue = { count = \"5\"; };\n",
			":4: 'count' of queue (queue-disk) is the string \"5\", not a whole "
			"number: "
			"write it without quotes\n"},
		{"int too large", AGENT "queue = {\n count\n =\n 99999999999; };\n",
			":5: 'count' of queue (queue-disk) is out of range: 99999999999 is more "
			"than "
			"1000: write a value from -5 to 1000\n"},
		{"int that wraps to a good one", AGENT "queue = { count = 4294967299; };\n",
			":4: 'count' of queue (queue-disk) is out of range: 4294967299 is more "
			"than "
			"1000: write a value from -5 to 1000\n"},
		{"int beyond 64 bits", AGENT "queue = { any = 99999999999999999999; };\n",
			":4: 'any' of queue (queue-disk) is out of range: 99999999999999999999 is "
			"more than 9223372036854775807: write a value from -9223372036854775808 to "
			"9223372036854775807\n"},
		{"int beyond 64 bits, marked long, below",
			AGENT "queue = { count = -99999999999999999999L; };\n",
			":4: 'count' of queue (queue-disk) is out of range: -99999999999999999999L "
			"is less than -5: write a value from -5 to 1000\n"},
		{"hexadecimal", AGENT "queue = { count = 0xfffffffff; };\n",
			":4: 'count' of queue (queue-disk) is out of range: 0xfffffffff is more "
			"than "
			"1000: write a value from -5 to 1000\n"},
		{"group wanted", AGENT "node-x = 1;\nlinger = ( );\nadmin = 1;\n",
			":4: 'node-x' is no setting: did you mean 'node'?\n"
			":5: 'linger' is a list, not a group: write { … }\n"
			":6: 'admin' is the number 1, not a group: write { … }\n"},
		{"choice", AGENT "queue = { mode = \"carefull\"; };\nlinger = { };\n",
			":4: 'mode' of queue (queue-disk) cannot be \"carefull\": did you mean "
			"\"careful\"?\n"},
		{"choice, far", AGENT "queue = { mode = \"xyzzyxyz\"; };\n",
			":4: 'mode' of queue (queue-disk) cannot be \"xyzzyxyz\": write one of "
			"\"slow\", \"fast\", \"careful\"\n"},
		{"duration without a unit", AGENT "linger = { normal = \"60\"; bulk = 60; };\n",
			":4: 'normal' of linger is \"60\": it has no unit: write \"60 s\"\n"
			":4: 'bulk' of linger is the number 60, not a duration: write \"60 s\"\n"},
		{"size with a wrong unit", AGENT "linger = { batch = \"64 kb\"; };\n",
			":4: 'batch' of linger is \"64 kb\": 'kb' is no unit of size: write \"64 "
			"KiB\"\n"},
		{"size as a number", AGENT "linger = { batch = 65536; };\n",
			":4: 'batch' of linger is the number 65536, not a size: write \"65536\" "
			"for "
			"bytes, or a unit as in \"100 MiB\"\n"},
		{"size out of range", AGENT "linger = { batch = \"2 MiB\"; };\n",
			":4: 'batch' of linger is out of range: 2 MiB is more than 1 MiB: write a "
			"value from 1 KiB to 1 MiB\n"},
		{"duration out of range", AGENT "linger = { bulk = \"1 d\"; };\n",
			":4: 'bulk' of linger is out of range: 1 d is more than 1 h: write a value "
			"from 0 s to 1 h\n"},
		{"secrets stay unseen", AGENT "queue = { password = 1234; };\n",
			":4: 'password' of queue (queue-disk) is a number, not a string: write it "
			"in "
			"quotes\n"},
		{"missing",
			AGENT
			"sources = (\n { module = \"source-test\"; checks = (\n { } ); } );\n",
			":6: sources (source-test).checks: 'command' is missing: add command = "
			"\"…\";\n"},
		{"missing in a group that is there", AGENT "queue = {\n retry = { }; };\n",
			":5: queue (queue-disk).retry: 'who' is missing: add who = \"…\";\n"},
		{"missing in a list",
			AGENT "queue = { trust = [\n\"a\",\n\"b\" ]; any = [ 1 ]; };\n",
			":6: 'any' of queue (queue-disk) is a list, not a whole number: write a "
			"whole number\n"},
		{"place within a list", AGENT "queue = { trust = (\n\"a\",\n 1\n); };\n",
			":6: 'trust' of queue (queue-disk) is the number 1, not a path: write it "
			"in "
			"quotes\n"},
		{"required list, empty",
			AGENT "transport = { module = \"transport-strict\";\n"
			      " certificate = \"x\"; trust = []; };\n",
			":5: 'trust' of transport (transport-strict) is empty: put at least one "
			"in\n"},
		{"required, all missing", AGENT "transport = { module = \"transport-strict\"; };\n",
			":4: transport (transport-strict): 'certificate' is missing: add "
			"certificate "
			"= \"/…\";\n"
			":4: transport (transport-strict): 'trust' is missing: add trust = [ "
			"\"/…\" "
			"];\n"},
	};

	TRY(table);
}

static void test_blocks(void)
{
	static const struct mistake table[] = {
		{"not there",
			AGENT "queue = {\n module = \"nope\"; };\nmodule-directory = \"m\";\n",
			":5: module \"nope\": /etc/yett/m/nope.so is not there: install it\n"},
		{"another kind", AGENT "queue = { module = \"wrong-kind\"; };\n",
			":4: module \"wrong-kind\" is of another kind than this block: name a "
			"module "
			"that begins with \"queue-\"\n"},
		{"unsound", AGENT "sources = ( { module = \"broken\"; } );\n",
			":4: module \"broken\": its row 'name' has a name that every block has "
			"already: tell the author of the module\n"},
		{"no module named", AGENT "sources = ( { name = \"x\"; },\n 5 );\n",
			":4: sources: 'module' is missing: add module = \"source-…\";\n"
			":5: 'sources' is not a block: write { module = \"…\"; … }\n"},
		{"module is no string", AGENT "queue = { module = 1; };\n",
			":4: 'module' is not the name of a module: write it in quotes\n"},
		{"two of one name",
			AGENT "sources = ( { module = \"source-host\"; },\n"
			      " { module = \"source-test\"; name = \"source-host\"; } );\n",
			":5: two instances are called \"source-host\", the other in line 4: give "
			"one "
			"of them another name = \"…\";\n"},
		{"a bad name", AGENT "queue = { name = \"a/b\"; };\n",
			":4: the instance cannot be called \"a/b\": write up to 40 letters, "
			"digits, '-', '_' and '.', and not \"core\"\n"},
		{"a name that is too long",
			AGENT
			"queue = { name = \"queue-456789.123456789.123456789.123456789.1\"; };\n",
			":4: the instance cannot be called "
			"\"queue-456789.123456789.123456789.123456789.1\": write up to 40 "
			"letters, digits, '-', '_' and '.', and not \"core\"\n"},
		{"the daemon's own name",
			AGENT "sources = ( { module = \"source-test\"; name = \"core\"; } );\n",
			":4: the instance cannot be called \"core\": write up to 40 letters, "
			"digits, '-', '_' and '.', and not \"core\"\n"},
		{"its own check", AGENT "queue = {\n path = \"refused\"; };\n",
			":4: queue-disk: /etc/yett/refused is not there: make it\n"},
	};

	TRY(table);
}

static void test_meaning(void)
{
	static const struct mistake table[] = {
		{"nothing to do", "node = { name = \"a.example\"; };\n",
			": this node has nothing to do: add 'upstreams', or 'store' for a "
			"management "
			"server\n"},
		{"node's name",
			"node = {\n name = \"a..b\"; };\nauthentication = { module = "
			"\"auth-x509\"; "
			"};\nupstreams = ( { name = \"10.1.1.1\"; }, { name = \"x y\"; } );\n",
			":2: 'name' of node cannot be \"a..b\": write a fully qualified name, as "
			"in "
			"\"gateway.example\"\n"
			":4: 'name' of upstreams is the address 10.1.1.1, which proves nothing: "
			"write its fully qualified name, as in \"gateway.example\"\n"
			":4: 'name' of upstreams cannot be \"x y\": write a fully qualified name, "
			"as "
			"in \"gateway.example\"\n"},
		{"reconnect",
			"node = { name = \"a.example\";\n reconnect-min = \"1 min\"; };\n"
			"store = { module = \"store-sqlite\"; };\n"
			"group = { name = \"x\"; id = \"123\"; };\n",
			":2: 'reconnect-min' of node is longer than 'reconnect-max': make one of "
			"them fit the other\n"
			":4: 'id' of group cannot be \"123\": write a UUID; uuidgen makes one for "
			"a "
			"new group\n"},
		{"ping-limit",
			"node = { name = \"a.example\";\n ping = \"5 s\"; };\n"
			"store = { module = \"store-sqlite\"; };\n"
			"group = { name = \"x\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; "
			"};\n",
			":1: 'ping-limit' of node is too short for its 'ping': make it twice as "
			"long as 'ping' at least: one sign of life may be late\n"},
		{"store needs a group",
			"node = { name = \"a.example\"; };\n"
			"store = { module = \"store-sqlite\"; };\n",
			":2: a store belongs to a management group, but 'group' is missing: add "
			"group = { name = \"…\"; id = \"UUID\"; };\n"},
		{"half a group",
			"node = { name = \"a.example\"; };\ngroup = { };\n"
			"store = { module = \"store-sqlite\"; };\n",
			":2: group: 'name' is missing: add name = \"…\";\n"
			":2: group: 'id' is missing: add id = \"…\"; uuidgen makes one for a new "
			"group\n"},
		{"store and upstreams",
			SERVER "authentication = { module = \"auth-x509\"; };\n"
			       "upstreams = { name = \"b.example\"; };\n",
			":5: a node with a store delivers to nobody: leave out 'upstreams' for a "
			"management server, 'store' for a gateway\n"},
		{"queue without upstreams", SERVER "queue = { };\n",
			":4: a queue waits for upstreams, and there are none: leave it out\n"},
		{"leads nowhere",
			"node = { name = \"a.example\"; };\n"
			"listeners = ( { } );\nsources = ( { module = \"source-host\"; } );\n",
			":2: what listeners take in leads nowhere: add 'upstreams', or 'store' for "
			"a "
			"management server\n"
			":2: nodes talk only after they have proved who they are, but "
			"'authentication' is missing: add authentication = ( { module = "
			"\"auth-x509\"; … } );\n"
			":3: what sources watch leads nowhere: add 'upstreams', or 'store' for a "
			"management server\n"},
		{"addresses of listeners",
			SERVER "authentication = { module = \"auth-x509\"; };\nlisteners = (\n"
			       "{ address = \"localhost:1\"; },\n{ address = \"::1\"; },\n"
			       "{ address = \"1.2.3.4:70000\"; },\n{ address = \"*:5723\"; },\n"
			       "{ address = \"[::1\"; },\n{ address = \"[x]:1\"; },\n"
			       "{ address = \"0.0.0.0\"; },\n{ address = \"0.0.0.0:5723\"; },\n"
			       "{ address = \"0.0.0.0:0\"; },\n{ address = \"0.0.0.0:0\"; } );\n",
			":6: 'address' of listeners: \"localhost:1\" is no IP address: write for "
			"example \"0.0.0.0:5723\" or \"[::]:5723\"\n"
			":7: 'address' of listeners: \"::1\" is an IPv6 address without brackets: "
			"write \"[ADDRESS]:PORT\"\n"
			":8: 'address' of listeners: \"1.2.3.4:70000\" has a wrong port: write a "
			"port from 1 to 65535\n"
			":9: 'address' of listeners: \"*:5723\" has no address: write "
			"\"0.0.0.0:5723\" or \"[::]:5723\" for every address\n"
			":10: 'address' of listeners: \"[::1\" lacks a ']': write \"[::]:5723\"\n"
			":11: 'address' of listeners: \"[x]:1\" has no IPv6 address in its "
			"brackets: "
			"write for example \"[::1]:5723\"\n"
			":13: two listeners have the address 0.0.0.0:5723: give each listener an "
			"address of its own\n"},
		{"patterns, ranges, methods",
			SERVER
			"authentication = { module = \"auth-x509\"; };\nlisteners = (\n"
			"{ admit = [ \"*.example\", \"a..b\" ]; proxy = \"\";\n"
			"shared-sources = [ \"10.0.0.0/8\", \"10.0.0.0/33\", \"fd00::/8\" ];\n"
			"methods = [ \"x509\", \"kerberos\" ]; } );\n",
			":6: 'admit' of listeners: \"a..b\" is no pattern of names: write a name "
			"or "
			"a pattern, as in \"*.example\"\n"
			":6: 'proxy' of listeners: \"\" is no pattern of names: write a name or a "
			"pattern, as in \"*.example\"\n"
			":7: 'shared-sources' of listeners: \"10.0.0.0/33\" is no range of "
			"addresses: write for example \"10.1.0.0/16\"\n"
			":8: 'methods' of listeners: \"kerberos\" is not among the modules of "
			"authentication: configured are: x509\n"},
		{"upstreams",
			"node = { name = \"a.example\"; };\n"
			"authentication = { module = \"auth-x509\"; };\nupstreams = (\n"
			"{ name = \"b.example\"; address = [\"b!:1\", \"300.1.1.1\"]; source = "
			"\"eth0\"; },\n"
			"{ name = \"B.example\"; methods = \"kerberos\"; } );\n",
			":4: 'address' of upstreams: \"b!:1\" is neither a host name nor an IP "
			"address: write for example \"gateway.example:5723\"\n"
			":4: 'address' of upstreams: \"300.1.1.1\" is neither a host name nor an "
			"IP "
			"address: write for example \"gateway.example:5723\"\n"
			":4: 'source' of upstreams cannot be \"eth0\": write an IP address of this "
			"computer, without a port\n"
			":5: 'methods' of upstreams: \"kerberos\" is not among the modules of "
			"authentication: configured are: x509\n"
			":5: two upstreams have the name b.example: put all its addresses into one "
			"upstream\n"},
		{"dropping what is not one's own",
			AGENT "queue = { module = \"queue-memory\"; };\n"
			      "full = { normal = \"push-back\";\n bulk = \"drop-oldest\"; };\n",
			":6: 'bulk' of full cannot be drop-oldest: queue-memory takes no custody, "
			"so it has nothing of its own to drop: write \"push-back\", or use "
			"queue-disk\n"},
		{"dropping notices of loss",
			AGENT "full = { bulk = \"drop-oldest\";\n urgent = \"drop-oldest\"; };\n",
			":5: 'urgent' of full cannot be drop-oldest: losses are told in that lane, "
			"and nobody would hear of them: write \"push-back\", and raise "
			"reserve-urgent of queue\n"},
		{"one method twice",
			"node = { name = \"a.example\"; };\nauthentication = (\n"
			"{ module = \"auth-x509\"; },\n{ module = \"auth-x509\"; name = \"two\"; } "
			");\n"
			"upstreams = { name = \"b.example\"; };\n",
			":4: two modules of authentication speak the method \"x509\": keep one of "
			"the two\n"},
	};

	TRY(table);
}

/* A node with so many upstreams, from line 4 on, one a line. */
static char *many_upstreams(unsigned count)
{
	GString *text = g_string_new("node = { name = \"a.example\"; };\n"
				     "authentication = { module = \"auth-x509\"; };\n"
				     "upstreams = (\n");

	for (unsigned i = 0; i < count; i++) {
		g_string_append_printf(
			text, "%s{ name = \"u%u.example\"; }", i > 0 ? ",\n" : "", i);
	}
	g_string_append(text, " );\n");
	return g_string_free(text, FALSE);
}

static void test_many_upstreams(void)
{
	g_autofree char *most = many_upstreams(64), *more = many_upstreams(65);
	const struct mistake table[] = {{"more upstreams than one node has", more,
		":68: a node has 64 upstreams at most, and here are 65: leave out those that are "
		"needed least\n"}};

	yett_conf_free(load_well(most));
	TRY(table);
}

/* What is set from afar stands beside what there is until it is up. */
static void test_many_wishes(void)
{
	static const struct {
		unsigned had;
		const char *want;
	} table[] = {
		{34, ""},
		{35, "with those that it has until the new ones are up, the node would have 65 "
		     "upstreams; 64 is the most: set fewer\n"},
	};
	struct yett_wish_upstream upstreams[30];
	char names[30][16];

	for (unsigned i = 0; i < 30; i++) {
		g_snprintf(names[i], sizeof(names[i]), "new%u.example", i);
		upstreams[i] = (struct yett_wish_upstream){names[i], ""};
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		g_autofree char *text = many_upstreams(table[i].had);
		struct yett_conf *base = load_well(text), *conf = NULL;
		const struct yett_wishes wishes = {.upstreams = upstreams,
			.upstream_count = 30,
			.keep = yett_conf_settings(base)};
		struct yett_problems *problems = yett_problems_new();
		char *told;

		CU_ASSERT_EQUAL(yett_conf_overlay(yett_conf_settings(base), &wishes, NULL, NULL,
					&conf, problems),
			table[i].want[0] == '\0' ? 0 : YETT_ECONFIG);
		told = printed(problems);
		CU_ASSERT_PTR_NOT_NULL(strstr(told, table[i].want));
		free(told);
		yett_problems_free(problems);
		yett_conf_free(conf);
		yett_conf_free(base);
	}
}

#define HINT                                                                                       \
	"look at this line and the one before for a missing quote, '=' or bracket, or a comma "    \
	"behind a last element\n"

static void test_grammar(void)
{
	char deep[200], want[200];
	const struct mistake table[] = {
		{"syntax", AGENT "linger = {\n normal == \"1 s\"; };\n", ":5: syntax error: " HINT},
		{"comma behind the last", AGENT "queue = { trust = [ \"a\", ]; };\n",
			":4: syntax error: " HINT},
		{"mixed array", AGENT "queue = { trust = [ \"a\", 1 ]; };\n",
			":4: an array has elements of different types: write ( … ) for a list of "
			"mixed things, [ … ] for values of one type\n"},
		{"twice",
			AGENT "admin = { socket = \"a\";\n socket = \"b\"; };\nlinger = { };\n"
			      "linger = { };\n",
			":5: 'socket' is set twice here, first in line 4: keep one of the two\n"
			":7: 'linger' is set twice here, first in line 6: keep one of the two\n"},
		{"open string", AGENT "module-directory = \"abc;\n\n",
			":4: the string that begins here has no end: write \" where it ends\n"},
		{"open comment", AGENT "/* abc\n\n",
			":4: the comment that begins here has no end: write */ where it ends\n"},
		{"NUL in a string", AGENT "module-directory = \"a\\x00b\";\n",
			":4: a string contains a NUL byte: leave it out\n"},
		{"no include", AGENT "a = 1; @include \"x\"\n",
			":4: '@' does not begin an include here: write @include \"FILE\" at the "
			"beginning of a line\n"},
		{"include of nothing", AGENT "@include \"/nonexistent/x\"\n",
			":4: /nonexistent/x cannot be read: No such file or directory: name a file "
			"that exists\n"},
		{"too deep", deep, want},
	};

	memset(deep, 0, sizeof(deep));
	memcpy(deep, "a = ", 4);
	memset(deep + 4, '(', 100);
	snprintf(want, sizeof(want),
		":1: brackets are nested more than 32 deep: nothing needs so many levels\n");
	TRY(table);
}

/* A file with six mistakes is told all six, in the order of lines, with the exact place of each. */
static void test_six(void)
{
	static const struct mistake table[] = {{"six",
		"node = { name = \"a.example\"; heartbeat = \"60\"; };\n"
		"queue = { module = \"nope\"; };\n"
		"authentication = ( { module = \"auth-x509\"; trst = []; } );\n"
		"upstreams = (\n"
		"    { address = [ \"127.0.0.1:5723\" ]; }\n"
		");\n"
		"listeners = ( { max-sessions = 99999999999; } );\n"
		"sources = ( { module = \"source-test\"; mode = \"quick\"; } );\n",
		":1: 'heartbeat' of node is \"60\": it has no unit: write \"60 s\"\n"
		":2: module \"nope\": " YETT_TEST_MODULE_DIR "/nope.so is not there: install it\n"
		":3: 'trst' is no setting of authentication (auth-x509): did you mean 'trust'?\n"
		":5: upstreams: 'name' is missing: add name = \"…\";\n"
		":7: 'max-sessions' of listeners is out of range: 99999999999 is more than "
		"1000000: write a value from 1 to 1000000\n"
		":8: 'mode' of sources (source-test) cannot be \"quick\": write one of \"slow\", "
		"\"fast\", \"careful\"\n"}};

	TRY(table);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"values against their rows", test_values},
		{"module blocks", test_blocks},
		{"what rows cannot say", test_meaning},
		{"more upstreams than there may be", test_many_upstreams},
		{"more upstreams beside others", test_many_wishes},
		{"grammar", test_grammar},
		{"six mistakes at once", test_six},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "conf", tests);
}
