/* base: results, buffers, checksums, ids, times, names, metrics. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/id.h"
#include "base/metrics.h"
#include "base/name.h"
#include "suite.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void want(bool holds, const char *row)
{
	if (!holds) {
		printf("\n    row: %s", row);
	}
	CU_ASSERT(holds);
}

static const struct {
	int code;
	const char *name;
	bool retry;
	enum yett_fault fault;
} results[] = {
	{0, "OK", false, 0},
	{YETT_EINVAL, "EINVAL", false, YETT_FAULT_CALLER},
	{YETT_EFULL, "EFULL", true, YETT_FAULT_LOCAL},
	{YETT_EPROTO, "EPROTO", false, YETT_FAULT_PEER},
	{YETT_EUNAVAIL, "EUNAVAIL", true, YETT_FAULT_UPSTREAM},
	{YETT_EEND, "EEND", false, YETT_FAULT_CALLER},
	{YETT_EEND - 1, "E?", false, YETT_FAULT_LOCAL},
	{1, "E?", false, YETT_FAULT_LOCAL},
	{INT32_MIN, "E?", false, YETT_FAULT_LOCAL},
};

static const struct {
	int number, want;
} numbers[] = {
	{ENOSPC, YETT_ENOSPC},
	{-ENOSPC, YETT_ENOSPC},
	{EDQUOT, YETT_ENOSPC},
	{EIO, YETT_EIO},
	{ENOENT, YETT_ENOTFOUND},
	{EACCES, YETT_EPERM},
	{EMFILE, YETT_EFULL},
	{-ECONNRESET, YETT_ECLOSED},
	{-ECONNREFUSED, YETT_EUNAVAIL},
	{EADDRINUSE, YETT_EEXIST},
	{-4095, YETT_EIO},
	{99999, YETT_EIO},
};

static void test_results(void)
{
	struct yett_error error = YETT_ERROR_INIT;

	for (size_t i = 0; i < COUNT(results); i++) {
		want(strcmp(yett_result_name(results[i].code), results[i].name) == 0 &&
				yett_result_retry(results[i].code) == results[i].retry &&
				yett_result_fault(results[i].code) == results[i].fault &&
				yett_result_text(results[i].code)[0] != '\0',
			results[i].name);
	}
	for (size_t i = 0; i < COUNT(numbers); i++) {
		want(yett_result_from_errno(numbers[i].number) == numbers[i].want,
			strerror(abs(numbers[i].number)));
	}
	CU_ASSERT_EQUAL(yett_fail(NULL, YETT_EIO, NULL, "lost"), YETT_EIO);
	CU_ASSERT_EQUAL(yett_fail(&error, YETT_EFULL, "make room", "%d of %d", 3, 3), YETT_EFULL);
	CU_ASSERT_EQUAL(yett_fail(&error, YETT_EIO, NULL, "later"), YETT_EIO);
	CU_ASSERT_EQUAL(error.code, YETT_EFULL);
	CU_ASSERT_STRING_EQUAL(error.text, "3 of 3");
	CU_ASSERT_STRING_EQUAL(error.mend, "make room");
}

static void *share(void *arg)
{
	for (int i = 0; i < 10000; i++) {
		yett_buffer_unref(yett_buffer_ref(arg));
	}
	yett_buffer_unref(arg);
	return NULL;
}

static void test_buffers(void)
{
	struct yett_buffer *buffer = yett_buffer_new(100);
	pthread_t threads[3];

	CU_ASSERT_EQUAL(yett_buffer_alive(), 1);
	memset(yett_buffer_bytes(buffer), 1, 100);
	yett_buffer_shrink(buffer, 60);
	CU_ASSERT_EQUAL(yett_buffer_length(buffer), 60);
	CU_ASSERT_EQUAL(yett_buffer_alive_bytes(), 100); /* the memory stays what it was */
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_create(&threads[i], NULL, share, yett_buffer_ref(buffer));
	}
	yett_buffer_unref(buffer);
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], NULL);
	}
	yett_buffer_unref(NULL);
	CU_ASSERT_PTR_NULL(yett_buffer_new(SIZE_MAX - 4));
	CU_ASSERT_EQUAL(yett_buffer_alive(), 0);
	CU_ASSERT_EQUAL(yett_buffer_alive_bytes(), 0);
}

/* RFC 3720, B.4, and the check value of the polynomial's catalogues. */
static void test_crc_vectors(void)
{
	static const uint8_t read_command[48] = {
		0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, 0x28, [40] = 0x02};
	uint8_t bytes[4][32];
	static const uint32_t wants[4] = {0x8a9136aa, 0x62a8ab43, 0x46dd794e, 0x113fdb5c};

	for (uint8_t i = 0; i < 32; i++) {
		bytes[0][i] = 0;
		bytes[1][i] = 0xff;
		bytes[2][i] = i;
		bytes[3][i] = (uint8_t)(31 - i);
	}
	for (size_t i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(yett_crc32c(0, bytes[i], 32), wants[i]);
		CU_ASSERT_EQUAL(yett_crc32c_software(0, bytes[i], 32), wants[i]);
	}
	CU_ASSERT_EQUAL(yett_crc32c(0, read_command, 48), 0xd9963a56);
	CU_ASSERT_EQUAL(yett_crc32c_software(0, read_command, 48), 0xd9963a56);
	CU_ASSERT_EQUAL(yett_crc32c(0, "123456789", 9), 0xe3069283);
	CU_ASSERT_EQUAL(yett_crc32c(7, NULL, 0), 7);
}

static void test_crc_same(void)
{
	static uint8_t bytes[20000];
	static const size_t lengths[] = {
		0, 1, 7, 8, 9, 63, 1023, 1024, 3071, 3072, 3073, 3080, 6144, 6151, 9999, 19990};

	yett_clock_random(&yett_clock_system, bytes, sizeof(bytes));
	for (size_t i = 0; i < COUNT(lengths); i++) {
		for (size_t from = 0; from < 9; from++) {
			size_t n = lengths[i], half = n / 3;
			uint32_t all = yett_crc32c(5, bytes + from, n);

			CU_ASSERT_EQUAL(all, yett_crc32c_software(5, bytes + from, n));
			CU_ASSERT_EQUAL(all, yett_crc32c(yett_crc32c(5, bytes + from, half),
						     bytes + from + half, n - half));
		}
	}
}

static const struct {
	const char *text;
	int want;
} ids[] = {
	{"01234567-89ab-cdef-0123-456789abcdef", 0},
	{"01234567-89AB-CDEF-0123-456789ABCDEF", 0},
	{"", YETT_EINVAL},
	{"01234567-89ab-cdef-0123-456789abcde", YETT_EINVAL},
	{"01234567-89ab-cdef-0123-456789abcdef0", YETT_EINVAL},
	{"0123456789abcdef0123456789abcdef", YETT_EINVAL},
	{"01234567-89ab-cdef-0123-456789abcdeg", YETT_EINVAL},
	{"01234567-89ab-cdef-0123", YETT_EINVAL},
};

static void test_ids(void)
{
	struct yett_id id = yett_id_new(&yett_clock_system), back, other;
	char text[YETT_ID_TEXT_SIZE];

	yett_id_text(&id, text);
	CU_ASSERT_EQUAL(strlen(text), 36);
	CU_ASSERT_EQUAL(text[14], '4');
	CU_ASSERT_PTR_NOT_NULL(strchr("89ab", text[19]));
	CU_ASSERT_EQUAL_FATAL(yett_id_parse(text, &back), 0);
	CU_ASSERT(yett_id_equal(&id, &back));
	CU_ASSERT_EQUAL(yett_id_hash(&id), yett_id_hash(&back));
	other = yett_id_new(&yett_clock_system);
	CU_ASSERT_FALSE(yett_id_equal_key(&id, &other));
	CU_ASSERT_FALSE(yett_id_is_zero(&id));
	for (size_t i = 0; i < COUNT(ids); i++) {
		want(yett_id_parse(ids[i].text, &back) == ids[i].want, ids[i].text);
	}
	yett_id_parse(ids[1].text, &back);
	CU_ASSERT_STRING_EQUAL(yett_id_text(&back, text), ids[0].text);
}

#define NOW  INT64_C(1700000000000000000)
#define S    INT64_C(1000000000)
#define FAIL INT64_MIN

static const struct {
	const char *text;
	int64_t want;
} times[] = {
	{"now", NOW},
	{"-15m", NOW - 900 * S},
	{"-2h", NOW - 7200 * S},
	{"-1d", NOW - 86400 * S},
	{"-30s", NOW - 30 * S},
	{"-0s", NOW},
	{"1970-01-01T00:00:00Z", 0},
	{"1970-01-01", 0},
	{"1969-12-31T23:59:59.5Z", -S / 2},
	{"2023-11-14T22:13:20Z", NOW},
	{"2023-11-14t22:13:20.000000001z", NOW + 1},
	{"2023-11-14 22:13:20.0000000019", NOW + 1},
	{"2023-11-14T22:13:20", NOW},
	{"2023-11-15T00:13:20+02:00", NOW},
	{"2023-11-14T16:43:20-05:30", NOW},
	{"2024-02-29", INT64_C(1709164800) * S},
	{"2016-12-31T23:59:60Z", INT64_C(1483228800) * S},
	{"2262-04-11T23:47:16Z", INT64_C(9223372036) * S},
	{"2262-04-11T23:47:17Z", FAIL},
	{"9999-12-31T23:59:59Z", FAIL},
	{"0000-01-01", FAIL},
	{"2023-02-29", FAIL},
	{"2023-13-01", FAIL},
	{"2023-00-10", FAIL},
	{"2023-04-31", FAIL},
	{"2023-11-14T24:00:00Z", FAIL},
	{"2023-11-14T22:60:00Z", FAIL},
	{"2023-11-14T22:13:61Z", FAIL},
	{"2023-11-14T22:13:20.Z", FAIL},
	{"2023-11-14T22:13:20+99:00", FAIL},
	{"2023-11-14T22:13:20+0200", FAIL},
	{"2023-11-14T22:13:20Z ", FAIL},
	{"2023-11-14T", FAIL},
	{"2023-1-14", FAIL},
	{" 023-11-14", FAIL},
	{"", FAIL},
	{"-", FAIL},
	{"-m", FAIL},
	{"--5m", FAIL},
	{"- 5m", FAIL},
	{"-5w", FAIL},
	{"-5mm", FAIL},
	{"-999999999d", FAIL},
	{"-99999999999999999999999s", FAIL},
	{"yesterday", FAIL},
};

static void test_times(void)
{
	char text[32];

	for (size_t i = 0; i < COUNT(times); i++) {
		int64_t got = FAIL;
		int result = yett_time_parse(times[i].text, NOW, &got);

		want(got == times[i].want && result == (got == FAIL ? YETT_EINVAL : 0),
			times[i].text);
	}
	CU_ASSERT_STRING_EQUAL(
		yett_time_text(NOW + 123999999, text, sizeof(text)), "2023-11-14T22:13:20.123Z");
	CU_ASSERT_STRING_EQUAL(yett_time_text(-1, text, sizeof(text)), "1969-12-31T23:59:59.999Z");
	yett_time_text(INT64_MAX, text, sizeof(text));
	yett_time_text(INT64_MIN, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "1677-09-21T00:12:43.145Z");
}

static void seven(void *arg, void *ret_bytes, size_t length)
{
	uint64_t *value = arg;

	memcpy(ret_bytes, value, length);
	*value = 7; /* what comes after the first */
}

static void test_chance(void)
{
	uint64_t first = UINT64_MAX;
	struct yett_clock clock = {.random_bytes = seven, .arg = &first};
	unsigned seen = 0;

	CU_ASSERT_EQUAL(yett_clock_random_below(&clock, 10), 7); /* the uneven end is cut off */
	CU_ASSERT_EQUAL(yett_clock_random_below(&clock, 0), 0);
	CU_ASSERT_EQUAL(yett_clock_random_below(&clock, 1), 0);
	for (int i = 0; i < 1000; i++) {
		seen |= 1U << yett_clock_random_below(&yett_clock_system, 5);
	}
	CU_ASSERT_EQUAL(seen, 31);
	CU_ASSERT(yett_clock_monotonic(&yett_clock_system) > 0);
	CU_ASSERT(yett_clock_wall(&yett_clock_system) > NOW);
}

static const char *const words[] = {"listen", "port", "path", "upstream", "failback-jitter",
	"gw1.example.com", "two.example.com", "two.example.org", NULL};
static const struct {
	const char *word, *want;
} nearests[] = {
	{"listen", "listen"},
	{"LISTEN", "listen"},
	{"lsiten", "listen"},
	{"lisetn", "listen"},
	{"ilsten", "listen"},
	{"prot", "port"},
	{"pOtr", "port"},
	{"pat", "path"},
	{"upstraem", "upstream"},
	{"upsteram", "upstream"},
	{"upstreams", "upstream"},
	{"failbackjiter", "failback-jitter"},
	{"x", NULL},
	{"", NULL},
	{"pxyz", NULL},
	{"something-else", NULL},
	{"gw1", "gw1.example.com"},
	{"GW1", "gw1.example.com"},
	{"gw1.exmple.com", "gw1.example.com"},
	{"gw", NULL},
	{"two", NULL}, /* of either */
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
};

static void test_nearest(void)
{
	for (size_t i = 0; i < COUNT(nearests); i++) {
		const char *got = yett_name_nearest(nearests[i].word, words);

		want(got == nearests[i].want || (got != NULL && nearests[i].want != NULL &&
							strcmp(got, nearests[i].want) == 0),
			nearests[i].word);
	}
}

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static const struct {
	const char *name;
	bool want;
} fqdns[] = {
	{"host", true},
	{"Web-1.Example.COM", true},
	{"3com.com", true},
	{LABEL_63 ".example", true},
	{LABEL_63 "." LABEL_63 "." LABEL_63
		  ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		true},
	{LABEL_63 "." LABEL_63 "." LABEL_63
		  ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		false},
	{"a" LABEL_63 ".example", false},
	{"", false},
	{".", false},
	{"host.", false},
	{".host", false},
	{"a..b", false},
	{"-a.example", false},
	{"a-.example", false},
	{"a.example-", false},
	{"*.example", false},
	{"a_b.example", false},
	{"a b.example", false},
	{"b\xc3\xbc"
	 "cher.example",
		false},
	{"a/b", false},
};

static const struct {
	const char *pattern, *name;
	bool want;
} matches[] = {
	{"", "", true},
	{"", "a", false},
	{"*", "", true},
	{"*", "web1", true},
	{"*", "web1.example", false},
	{"**", "web1.example", true},
	{"*.example", "web1.example", true},
	{"*.example", "a.web1.example", false},
	{"**.example", "a.web1.example", true},
	{"**.example", "example", false},
	{"WEB?.example", "web1.EXAMPLE", true},
	{"web?.example", "web.example", false},
	{"web?example", "web.example", false},
	{"web?", "web12", false},
	{"*1*.example", "web12.example", true},
	{"*2*.example", "web1.example2", false},
	{"web*.*.example", "web1.dc2.example", true},
	{"web*.*.example", "web1.example", false},
	{"**a*c", "a.xac", true},
	{"**.dc?.**", "x.y.dc1.z.example", true},
	{"**.dc?.**", "x.y.dc.z.example", false},
	{"*a*b*c", "xaxbxc", true},
	{"*a*b*c", "xaxbx", false},
	{"***", "a.b", true},
	{"a*", "a", true},
	{"a", "ab", false},
	{"*ab", "aab", true},
	{"**ab.c", "ab.ab.c", true},
};

static const struct {
	const char *name, *suffix;
	bool want;
} suffixes[] = {
	{"a.example", "example", true},
	{"a.EXAMPLE", "Example", true},
	{"example", "example", true},
	{"aexample", "example", false},
	{"a.example", "b.example", false},
	{"example", "a.example", false},
	{"a.example", "", false},
	{"a.example", "*", true},
	{"a.example", ".example", false},
	{"", "example", false},
};

static void test_names(void)
{
	char name[16];

	for (size_t i = 0; i < COUNT(fqdns); i++) {
		want(yett_name_is_fqdn(fqdns[i].name) == fqdns[i].want, fqdns[i].name);
	}
	for (size_t i = 0; i < COUNT(matches); i++) {
		want(yett_name_match(matches[i].pattern, matches[i].name) == matches[i].want,
			matches[i].pattern);
	}
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		want(yett_name_has_suffix(suffixes[i].name, suffixes[i].suffix) == suffixes[i].want,
			suffixes[i].suffix);
	}
	CU_ASSERT_EQUAL(yett_name_normalise("Web1.Example.OR", name, sizeof(name)), 0);
	CU_ASSERT_STRING_EQUAL(name, "web1.example.or");
	CU_ASSERT_EQUAL(yett_name_normalise("web1.example.org", name, sizeof(name)), YETT_EINVAL);
	CU_ASSERT_EQUAL(yett_name_normalise("*.example", name, sizeof(name)), YETT_EINVAL);
}

/* A hostile pattern ends soon: without a bound of the tries it would not end at all. */
static void test_match_bounded(void)
{
	char pattern[101], name[254];

	for (size_t i = 0; i < 100; i += 2) {
		pattern[i] = '*';
		pattern[i + 1] = 'a';
	}
	pattern[99] = 'b';
	pattern[100] = '\0';
	memset(name, 'a', 253);
	name[253] = '\0';
	CU_ASSERT_FALSE(yett_name_match(pattern, name));
	for (size_t i = 0; i < 99; i += 3) {
		memcpy(pattern + i, "**a", 3);
	}
	CU_ASSERT_FALSE(yett_name_match(pattern, name));
}

static const struct yett_metric table[] = {{.name = "one"}, {.name = "two"}, {.name = NULL}};

static void *count_up(void *arg)
{
	for (int i = 0; i < 10000; i++) {
		yett_metrics_add(arg, 0, 1);
	}
	return NULL;
}

static int sum(void *arg, const char *instance, const struct yett_metric *metric, int64_t value)
{
	int64_t *total = arg;

	(void)metric;
	*total += value;
	return strcmp(instance, "stop") == 0 ? 5 : 0;
}

static void test_metrics(void)
{
	struct yett_metrics *metrics = yett_metrics_new("a", table), *stop;
	pthread_t threads[3];
	int64_t total = 0;

	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_create(&threads[i], NULL, count_up, metrics);
	}
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], NULL);
	}
	yett_metrics_set(metrics, 1, -4);
	yett_metrics_add(metrics, 2, 9); /* beyond the table: nothing */
	yett_metrics_add(NULL, 0, 9);
	CU_ASSERT_EQUAL(yett_metrics_get(metrics, 0), 30000);
	CU_ASSERT_EQUAL(yett_metrics_get(metrics, 2), 0);
	CU_ASSERT_EQUAL(yett_metrics_walk(sum, &total), 0);
	CU_ASSERT_EQUAL(total, 29996);
	stop = yett_metrics_new("stop", table);
	CU_ASSERT_EQUAL(yett_metrics_walk(sum, &total), 5);
	yett_metrics_free(stop);
	yett_metrics_free(metrics);
	yett_metrics_free(NULL);
	total = 0;
	CU_ASSERT_EQUAL(yett_metrics_walk(sum, &total), 0);
	CU_ASSERT_EQUAL(total, 0);
}

static void test_bytes(void)
{
	uint8_t bytes[9] = {0};

	yett_put32(bytes + 1, 0x01020304);
	CU_ASSERT_EQUAL(bytes[1], 4);
	CU_ASSERT_EQUAL(yett_get32(bytes + 1), 0x01020304);
	yett_put64(bytes + 1, UINT64_C(0x0102030405060708));
	CU_ASSERT_EQUAL(bytes[8], 1);
	CU_ASSERT_EQUAL(yett_get16(bytes + 1), 0x0708);
}

/* Fields as "key:value|", the last one first. */
static const struct {
	const char *sentence, *fields;
} sentences[] = {
	{"", ""},
	{"nothing here", ""},
	{"it is in peer=a.example code=6", "code:6|peer:a.example|"},
	{"it is in  who=\"CN=a b\" code=6 ", "code:6|who:CN=a b|"},
	{"empty=\"\" none=", "none:|empty:|"},
	{"a=1 then more", ""},
	{"x =1", ""},
	{"x 9=1", ""},
	{"x a,b=1", ""},
	{"x \"a=1\"", ""},
	{"\"", ""},
	{"\"\"", ""},
	{"a=\"", "a:\"|"},
	{"a=1 b=2 c=3 d=4 e=5", "e:5|d:4|c:3|b:2|"},
};

static void test_fields(void)
{
	struct yett_field fields[4];
	char text[128], told[256];

	for (size_t i = 0; i < COUNT(sentences); i++) {
		size_t count, n = 0;

		snprintf(text, sizeof(text), "%s", sentences[i].sentence);
		count = yett_fields_take(text, fields, COUNT(fields));
		told[0] = '\0';
		for (size_t j = 0; j < count; j++) {
			n += (size_t)snprintf(told + n, sizeof(told) - n, "%.*s:%s|",
				(int)fields[j].key_length, fields[j].key, fields[j].value);
		}
		want(strcmp(told, sentences[i].fields) == 0, sentences[i].sentence);
	}
}

/* Of what is made by a format, the fields are those of the format. */
static const struct {
	const char *format, *sentence, *guarded;
} made[] = {
	{"it says: %s peer=%s code=%u", "it says: well peer=a code=6",
		"it says: well peer=a code=6"},
	{"it says: %s peer=%s code=%u", "it says: x peer=b mechanism=y peer=a code=6",
		"it says: x peer=b mechanism:y peer=a code=6"},
	{"it says: %s peer=%s code=%u", "it says: a=1 b peer=a code=6",
		"it says: a=1 b peer=a code=6"},
	{"%s", "peer=b", "peer:b"},
	{"%s", "", ""},
	{"in peer=%s software=\"%s\" proxy=%s", "in peer=a software=\"x y\" proxy=no",
		"in peer=a software=\"x y\" proxy=no"},
	{"in peer=%s software=\"%s\" proxy=%s",
		"in peer=a software=\"x\" proxy=yes y=\"\" proxy=no",
		"in peer=a software=\"x\" proxy=yes y:\"\" proxy=no"},
	{"told node=%s id=%s", "told node=x id=7 id=1", "told node=x id:7 id=1"},
	{"read file=%s/%s", "read file=/a/b", "read file=/a/b"},
	/* Cut, so that those of the format are not there. */
	{"it says: %s peer=%s code=%u", "it says: x peer=b", "it says: x peer:b"},
};

static void test_guarded(void)
{
	char text[128];

	for (size_t i = 0; i < COUNT(made); i++) {
		snprintf(text, sizeof(text), "%s", made[i].sentence);
		yett_fields_guard(text, made[i].format);
		want(strcmp(text, made[i].guarded) == 0, made[i].sentence);
	}
}

static const struct {
	const char *said, *tame;
} said[] = {
	{"", ""},
	{"stop this copy", "stop this copy"},
	{"x peer=gw1.example mechanism=x509", "x peer:gw1.example mechanism:x509"},
	{"x\tpeer=gw1", "x\tpeer:gw1"},
	{"a\" proxy=yes", "a' proxy:yes"},
	{"set x = y, or =z", "set x = y, or =z"},
	{"a=b=c", "a:b:c"},
};

static void test_tame(void)
{
	char text[128];

	for (size_t i = 0; i < COUNT(said); i++) {
		snprintf(text, sizeof(text), "%s", said[i].said);
		yett_fields_tame(text);
		want(strcmp(text, said[i].tame) == 0, said[i].said);
	}
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"results", test_results},
		{"buffers", test_buffers},
		{"crc32c: vectors", test_crc_vectors},
		{"crc32c: hardware is software", test_crc_same},
		{"ids", test_ids},
		{"times", test_times},
		{"chance", test_chance},
		{"the nearest word", test_nearest},
		{"names", test_names},
		{"patterns are bounded", test_match_bounded},
		{"metrics", test_metrics},
		{"bytes", test_bytes},
		{"fields of a line", test_fields},
		{"fields are those of the format", test_guarded},
		{"what others have said", test_tame},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "base-values", tests);
}
