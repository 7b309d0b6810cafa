/* try: a small host that loads a source from a file, asks it once, and shows what it tells.
 *
 * It stands for the core, so that a module can be tried and tested without one: of the host table
 * it has what most sources call; the rest is NULL (ask with YETT_HOST_HAS). Settings are filled
 * with the rows' defaults, and what is on the command line as NAME=VALUE (text and paths).
 *
 *     ./try ./source-age.so file=/etc/hostname
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <yett/source.h>

static int records;

static void __attribute__((format(printf, 4, 5)))
host_log(struct yett_instance *instance, int level, const char *event, const char *format, ...)
{
	va_list arguments;

	(void)instance;
	printf("log %d %s: ", level, event);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static int __attribute__((format(printf, 4, 5)))
host_fail(struct yett_error *error, int code, const char *mend, const char *format, ...)
{
	va_list arguments;

	(void)error;
	printf("refused (%d): ", code);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("; %s\n", mend != NULL ? mend : "nothing would mend it");
	return code;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t host_monotonic_ns(struct yett_instance *instance)
{
	(void)instance;
	return now_ns(CLOCK_MONOTONIC);
}

static int64_t host_wall_ns(struct yett_instance *instance)
{
	(void)instance;
	return (int64_t)now_ns(CLOCK_REALTIME);
}

static void host_metric(struct yett_instance *instance, uint32_t index, int64_t value)
{
	(void)instance;
	printf("metric %u += %lld\n", index, (long long)value);
}

static int sink_record(struct yett_sink_self *self, uint32_t lane, const struct yett_record *record)
{
	(void)self;
	records++;
	printf("record in lane %u: %.*s = ", lane, (int)record->name.length, record->name.bytes);
	switch (record->kind) {
	case YETT_RECORD_METRIC:
		if (record->value.type == YETT_VALUE_DOUBLE) {
			printf("%g", record->value.d);
		} else {
			printf("%lld", (long long)record->value.i);
		}
		printf(" %.*s\n", (int)record->unit.length, record->unit.bytes);
		break;
	case YETT_RECORD_STATE:
		printf("state %u, %.*s\n", record->state, (int)record->body.length,
			record->body.bytes);
		break;
	default:
		printf("%.*s\n", (int)record->body.length, record->body.bytes);
	}
	return 0;
}

static int sink_position(struct yett_sink_self *self, const void *position, size_t length)
{
	(void)self;
	(void)position;
	printf("position of %zu bytes\n", length);
	return 0;
}

static int sink_flush(struct yett_sink_self *self)
{
	(void)self;
	return 0;
}

/* As the core does it, for the types that have a simple text; durations in whole s, min or h. */
static void fill(void *settings, const struct yett_schema *row, const char *text)
{
	char *field = (char *)settings + row->offset, *unit;
	long long number = strtoll(text, &unit, 10);
	uint64_t factor = strstr(unit, "min") ? 60 : strstr(unit, "h") ? 3600 : 1;

	switch (row->type) {
	case YETT_TYPE_STRING:
	case YETT_TYPE_PATH:
		memcpy(field, &text, sizeof(text));
		break;
	case YETT_TYPE_DURATION:
		factor *= (uint64_t)number * 1000000000;
		memcpy(field, &factor, sizeof(factor));
		break;
	case YETT_TYPE_INT:
		memcpy(field, &number, sizeof(number));
		break;
	case YETT_TYPE_BOOL:
		*(bool *)field = strcmp(text, "true") == 0;
		break;
	default:
		printf("%s: try.c does not fill this type\n", row->name);
	}
}

static void fill_all(void *settings, const struct yett_schema *rows, char **given)
{
	for (const struct yett_schema *row = rows; row != NULL && row->name != NULL; row++) {
		const char *text = row->standard;

		for (char **argument = given; *argument != NULL; argument++) {
			size_t length = strlen(row->name);

			if (strncmp(*argument, row->name, length) == 0 &&
				(*argument)[length] == '=') {
				text = *argument + length + 1;
			}
		}
		if (text != NULL) {
			fill(settings, row, text);
		} else if (row->flags & YETT_SCHEMA_REQUIRED) {
			fill(settings, row, "/etc/hostname");
		}
	}
}

int main(int argc, char **argv)
{
	static const struct yett_host host = {
		.size = sizeof(host),
		.abi_major = YETT_ABI_MAJOR,
		.abi_minor = YETT_ABI_MINOR,
		.log = host_log,
		.fail = host_fail,
		.monotonic_ns = host_monotonic_ns,
		.wall_ns = host_wall_ns,
		.metric = host_metric,
	};
	struct yett_sink sink = {.size = sizeof(sink),
		.record = sink_record,
		.position = sink_position,
		.flush = sink_flush};
	struct yett_create with = {
		.size = sizeof(with), .name = "try", .node = "try.example", .state = "."};
	const struct yett_source_operations *operations;
	const struct yett_module *module;
	void *object, *settings, *self = NULL;
	uint64_t next_ns = 0;
	int wake[2], result;

	object = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	module = object != NULL ? dlsym(object, "yett_module") : NULL;
	if (module == NULL || module->magic != YETT_MODULE_MAGIC ||
		module->kind != YETT_KIND_SOURCE || pipe(wake) != 0) {
		fprintf(stderr, "usage: try ./source-….so [NAME=VALUE…] (%s)\n",
			object == NULL ? dlerror() : "no source");
		return 2;
	}
	settings = calloc(1, module->settings_size + 1);
	fill_all(settings, module->schema, argv + 2);
	with.settings = settings;
	sink.wake_fd = wake[0];
	operations = module->operations;
	result = module->life->check != NULL ? module->life->check(&host, settings, NULL) : 0;
	if (result == 0) {
		result = module->life->create(&host, &with, &self, NULL);
	}
	if (result == 0 && module->life->start != NULL) {
		result = module->life->start(self, NULL);
	}
	if (result == 0) {
		result = operations->poll(
			self, &sink, now_ns(CLOCK_MONOTONIC) + 2000000000, &next_ns, NULL);
		printf("poll: %d, %d records\n", result, records);
		if (module->life->stop != NULL) {
			module->life->stop(self);
		}
	}
	if (self != NULL) {
		module->life->destroy(self);
	}
	free(settings);
	return result != 0 || records == 0;
}
