/* The load generator's command line: responsible for reading it, for its limits, and for saying what
 * is wrong with it. Keeps pointers into argv. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const struct option table[] = {
	{"agents", required_argument, NULL, 'a'},
	{"first", required_argument, NULL, 'f'},
	{"records", required_argument, NULL, 'r'},
	{"rate", required_argument, NULL, 'R'},
	{"batch", required_argument, NULL, 'b'},
	{"least", required_argument, NULL, 'L'},
	{"bytes", required_argument, NULL, 'B'},
	{"window", required_argument, NULL, 'w'},
	{"connects", required_argument, NULL, 'c'},
	{"timeout", required_argument, NULL, 't'},
	{"lane", required_argument, NULL, 'l'},
	{"gateway", required_argument, NULL, 'g'},
	{"gateway-name", required_argument, NULL, 'n'},
	{"domain", required_argument, NULL, 'd'},
	{"ca", required_argument, NULL, 'C'},
	{"keytab", required_argument, NULL, 'k'},
	{"state", required_argument, NULL, 's'},
	{"modules", required_argument, NULL, 'm'},
	{"source-base", required_argument, NULL, 'S'},
	{"repeat", no_argument, NULL, 'p'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void help(void)
{
	puts("usage: load --gateway HOST:PORT --gateway-name NAME --ca DIR --state DIR [OPTION…]\n"
	     "\n"
	     "Many agents in one process, each a node of its own, that tell records to a gateway "
	     "or "
	     "a\n"
	     "management server over the real protocol. Ends with 0 when all is acknowledged.\n"
	     "\n"
	     "  --gateway HOST:PORT   where the agents connect\n"
	     "  --gateway-name NAME   the name that it must prove\n"
	     "  --ca DIR              the authority (`yettctl ca init`) that certifies the agents\n"
	     "  --keytab FILE         instead: their keys, host/NAME each; they come with "
	     "Kerberos,\n"
	     "                        by the KRB5_CONFIG of the environment\n"
	     "  --state DIR           folder for their certificates, keys and ids; kept\n"
	     "  --agents N            how many (200), called agent-0001.DOMAIN …\n"
	     "  --first N             the number of the first one (1)\n"
	     "  --domain DOMAIN       of their names (example)\n"
	     "  --records N           records that each tells (100); 0: only stays connected\n"
	     "  --rate N              records a second and agent (0: as they are acknowledged)\n"
	     "  --batch N             records of a batch (10)\n"
	     "  --least N             the batches of an agent have N to --batch records, by turns\n"
	     "  --bytes N             of a record's body (256)\n"
	     "  --window N            batches that may wait for an acknowledgement, by agent (4)\n"
	     "  --lane N              0 urgent, 1 normal, 2 bulk (1)\n"
	     "  --connects N          new sessions a second (500)\n"
	     "  --source-base ADDR    connect from this address, the next agent from the next one\n"
	     "  --repeat              tell the same batch again and again, uncompressed: what "
	     "this\n"
	     "                        process costs is then the path and little else\n"
	     "  --modules DIR         where the modules are (" YETT_MODULE_DIR ")\n"
	     "  --timeout SECONDS     give up after so long (60)\n"
	     "  --verbose             log what the nodes log\n"
	     "\n"
	     "SIGUSR1 breaks all sessions at once, as a network would.");
}

static int number(
	const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || *ret_value < least ||
		*ret_value > most) {
		fprintf(stderr, "load: --%s wants a number from %llu to %llu, not %s\n", option,
			(unsigned long long)least, (unsigned long long)most, text);
		return 2;
	}
	return 0;
}

static int set_number(struct load_options *options, int c, const char *name, const char *text)
{
	uint64_t value = 0;
	int code = 0;

	switch (c) {
	case 'a':
		code = number(name, text, 1, 100000, &value);
		options->agents = (unsigned)value;
		break;
	case 'f':
		code = number(name, text, 0, 1000000, &value);
		options->first = (unsigned)value;
		break;
	case 'r':
		code = number(name, text, 0, INT64_MAX, &options->records);
		break;
	case 'R':
		code = number(name, text, 0, 10000000, &options->rate);
		break;
	case 'b':
		code = number(name, text, 1, 4000, &value);
		options->batch = (unsigned)value;
		break;
	case 'L':
		code = number(name, text, 1, 4000, &value);
		options->least = (unsigned)value;
		break;
	case 'B':
		code = number(name, text, 64, 65536, &value);
		options->bytes = (unsigned)value;
		break;
	case 'w':
		code = number(name, text, 1, 1024, &value);
		options->window = (unsigned)value;
		break;
	case 'c':
		code = number(name, text, 1, 1000000, &value);
		options->connects = (unsigned)value;
		break;
	case 't':
		code = number(name, text, 1, 1000000, &value);
		options->timeout_s = (unsigned)value;
		break;
	default:
		code = number(name, text, 0, YETT_LANES - 1, &value);
		options->lane = (uint32_t)value;
		break;
	}
	return code;
}

static int set_text(struct load_options *options, int c, const char *text)
{
	struct in_addr address;

	switch (c) {
	case 'g':
		options->gateway = text;
		return 0;
	case 'n':
		options->gateway_name = text;
		return 0;
	case 'd':
		options->domain = text;
		return 0;
	case 'C':
		options->ca = text;
		return 0;
	case 'k':
		options->keytab = text;
		return 0;
	case 's':
		options->state = text;
		return 0;
	case 'm':
		options->modules = text;
		return 0;
	default:
		if (inet_pton(AF_INET, text, &address) != 1) {
			fprintf(stderr, "load: --source-base wants an IPv4 address, not %s\n",
				text);
			return 2;
		}
		options->source_base = ntohl(address.s_addr);
		return 0;
	}
}

static int check(const struct load_options *options)
{
	if (options->gateway == NULL || options->gateway_name == NULL ||
		(options->ca == NULL && options->keytab == NULL) || options->state == NULL) {
		fputs("load: --gateway, --gateway-name, --ca (or --keytab) and --state are needed; "
		      "see load "
		      "--help\n",
			stderr);
		return 2;
	}
	if ((uint64_t)options->batch * options->bytes > YETT_BATCH_MAX / 4) {
		fprintf(stderr, "load: --batch times --bytes is more than a batch holds (%d)\n",
			YETT_BATCH_MAX / 4);
		return 2;
	}
	return 0;
}

int load_options_parse(int argc, char **argv, struct load_options *ret_options)
{
	int c, index = 0, code = 0;

	*ret_options = (struct load_options){
		.agents = 200,
		.first = 1,
		.records = 100,
		.batch = 10,
		.bytes = 256,
		.window = 4,
		.connects = 500,
		.timeout_s = 60,
		.lane = YETT_LANE_NORMAL,
		.domain = "example",
		.modules = YETT_MODULE_DIR,
	};
	while (code == 0 && (c = getopt_long(argc, argv, "", table, &index)) != -1) {
		if (c == 'h') {
			help();
			return 1;
		}
		if (c == 'v') {
			ret_options->verbose = true;
		} else if (c == 'p') {
			ret_options->repeat = true;
		} else if (c == '?') {
			return 2;
		} else if (strchr("gndCksmS", c) != NULL) {
			code = set_text(ret_options, c, optarg);
		} else {
			code = set_number(ret_options, c, table[index].name, optarg);
		}
	}
	if (code == 0 && optind < argc) {
		fprintf(stderr, "load: %s is no option; see load --help\n", argv[optind]);
		return 2;
	}
	if (ret_options->least == 0 || ret_options->least > ret_options->batch) {
		ret_options->least = ret_options->batch;
	}
	return code != 0 ? code : check(ret_options);
}
