/* The host table and the life of module instances.
 *
 * Responsible for handing a module exactly the calls of yett/host.h, and for pairing its life
 * cycle: create with destroy, start with stop. Not responsible for loading code (load.c) nor for
 * the thread that a call is made on: the flow calls a module on its kind's thread.
 *
 * The calls themselves are the core's own functions; the wrappers here only bind an instance to its
 * loop, clock and name. A failure of create leaves nothing behind. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buffer.h"
#include "../base/crc32c.h"
#include "../base/error.h"
#include "../base/log.h"
#include "../wire/batch.h"
#include "../wire/pieces.h"
#include "../wire/record.h"

__attribute__((format(printf, 4, 5))) static void host_log(
	struct yett_instance *instance, int level, const char *event, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	yett_log_module(level, event, instance != NULL ? instance->name : "-", format, args);
	va_end(args);
}

static uint64_t host_monotonic(struct yett_instance *instance)
{
	return yett_clock_monotonic(instance != NULL ? instance->clock : &yett_clock_system);
}

static int64_t host_wall(struct yett_instance *instance)
{
	return yett_clock_wall(instance != NULL ? instance->clock : &yett_clock_system);
}

static void host_random(struct yett_instance *instance, void *ret_bytes, size_t length)
{
	yett_clock_random(
		instance != NULL ? instance->clock : &yett_clock_system, ret_bytes, length);
}

static void host_metric(struct yett_instance *instance, uint32_t index, int64_t value)
{
	const struct yett_metric *metric;

	if (instance == NULL || instance->metrics == NULL || index >= instance->metrics_count) {
		return; /* a module's mistake costs it the figure, nothing else */
	}
	metric = &instance->module->metrics[index];
	if (metric->type == YETT_METRIC_GAUGE) {
		yett_metrics_set(instance->metrics, index, value);
	} else {
		yett_metrics_add(instance->metrics, index, value);
	}
}

static struct yett_error *host_error_blank(struct yett_instance *instance)
{
	if (instance == NULL) {
		return NULL;
	}
	instance->error = (struct yett_error)YETT_ERROR_INIT;
	return &instance->error;
}

static int host_listen(struct yett_instance *instance, const char *address, yett_accept_fn accept,
	void *arg, struct yett_listener **ret_listener, struct yett_error *error)
{
	return instance->loop->table->listen(
		instance->loop, address, accept, arg, ret_listener, error);
}

static int host_connect(struct yett_instance *instance, const char *address, const char *source,
	uint64_t timeout_ns, yett_connect_fn connected, void *arg, struct yett_error *error)
{
	return instance->loop->table->connect(
		instance->loop, address, source, timeout_ns, connected, arg, error);
}

static struct yett_timer *host_timer_new(
	struct yett_instance *instance, yett_timer_fn fire, void *arg)
{
	return instance->loop->table->timer_new(instance->loop, fire, arg);
}

void yett_host_fill(
	struct yett_host *ret_host, struct yett_instance *instance, const struct yett_files *files)
{
	const struct yett_loop_table *loop =
		instance != NULL && instance->loop != NULL ? instance->loop->table : NULL;

	*ret_host = (struct yett_host){
		.size = sizeof(*ret_host),
		.abi_major = YETT_ABI_MAJOR,
		.abi_minor = YETT_ABI_MINOR,
		.instance = instance,
		.log = host_log,
		.fail = yett_fail,
		.result_text = yett_result_text,
		.monotonic_ns = host_monotonic,
		.wall_ns = host_wall,
		.random_bytes = host_random,
		.metric = host_metric,
		.buffer_new = yett_buffer_new,
		.buffer_bytes = yett_buffer_bytes,
		.buffer_length = yett_buffer_length,
		.buffer_ref = yett_buffer_ref,
		.buffer_unref = yett_buffer_unref,
		.crc32c = yett_crc32c,
		.batch_parse = yett_batch_parse,
		.reader_open = yett_reader_open,
		.reader_next_record = yett_reader_next_record,
		.reader_next_notice = yett_reader_next_notice,
		.reader_close = yett_reader_close,
		.judge = yett_pieces_judge,
		.files = files,
		.error_blank = host_error_blank,
		.judge_notice = yett_notice_judge,
	};
	if (loop != NULL) {
		ret_host->listen = host_listen;
		ret_host->listener_close = loop->listener_close;
		ret_host->listener_address = loop->listener_address;
		ret_host->connect = host_connect;
		ret_host->stream_read_start = loop->stream_read_start;
		ret_host->stream_read_stop = loop->stream_read_stop;
		ret_host->stream_try_write = loop->stream_try_write;
		ret_host->stream_write = loop->stream_write;
		ret_host->stream_unsent = loop->stream_unsent;
		ret_host->stream_close = loop->stream_close;
		ret_host->stream_addresses = loop->stream_addresses;
		ret_host->timer_new = host_timer_new;
		ret_host->timer_start = loop->timer_start;
		ret_host->timer_stop = loop->timer_stop;
		ret_host->timer_free = loop->timer_free;
	}
}

int yett_instance_new(const struct yett_world *world, const struct yett_module *module,
	const char *name, const void *settings, const void *position, size_t position_length,
	struct yett_instance **ret_instance, struct yett_error *error)
{
	struct yett_instance *instance;
	struct yett_create with = {
		.size = sizeof(with),
		.settings = settings,
		.node = world->node,
		.state = world->state,
		.relay = world->relay ? 1 : 0,
		.position = position,
		.position_length = position_length,
		.group = world->group != NULL ? world->group : "",
	};
	int result;

	instance = calloc(1, sizeof(*instance));
	if (instance == NULL) {
		return yett_fail(error, YETT_ENOMEM, NULL, "no memory for %s", name);
	}
	snprintf(instance->name, sizeof(instance->name), "%s", name);
	instance->module = module;
	instance->loop = world->loop;
	instance->clock = world->clock;
	if (module->metrics != NULL) {
		instance->metrics = yett_metrics_new(instance->name, module->metrics);
		while (module->metrics[instance->metrics_count].name != NULL) {
			instance->metrics_count++;
		}
	}
	yett_host_fill(&instance->host, instance, world->files);
	with.name = instance->name;
	result = module->life->create(&instance->host, &with, &instance->self, error);
	if (result != 0) {
		yett_fail(error, result, NULL, "%s could not be created: %s", instance->name,
			yett_result_text(result));
		yett_metrics_free(instance->metrics);
		free(instance);
		return result;
	}
	*ret_instance = instance;
	return 0;
}

int yett_instance_start(struct yett_instance *instance, struct yett_error *error)
{
	int result = 0;

	if (instance->module->life->start != NULL) {
		result = instance->module->life->start(instance->self, error);
	}
	if (result != 0) {
		return yett_fail(error, result, NULL, "%s could not be started: %s", instance->name,
			yett_result_text(result));
	}
	instance->started = true;
	return 0;
}

void yett_instance_stop(struct yett_instance *instance)
{
	if (instance->started && instance->module->life->stop != NULL) {
		instance->module->life->stop(instance->self);
	}
	instance->started = false;
}

void yett_instance_free(struct yett_instance *instance)
{
	if (instance == NULL) {
		return;
	}
	yett_instance_stop(instance);
	instance->module->life->destroy(instance->self);
	yett_metrics_free(instance->metrics);
	free(instance);
}
