/* Modules that exist only as descriptors, for tests of configurations: one of each kind, with rows
 * of every type. */
#ifndef YETT_TEST_CONF_MODULES_H
#define YETT_TEST_CONF_MODULES_H

#include "conf/load.h"

struct test_check {
	const char *command;
	uint64_t timeout_ns;
	struct yett_list arguments;
};

struct test_settings {
	const char *path;
	const char *password;
	const char *optional;
	uint64_t size_bytes;
	int64_t count;
	int64_t any;
	bool fast;
	int32_t mode;
	struct yett_list trust;
	struct yett_list checks; /* struct test_check */
	struct {
		uint64_t after_ns;
		const char *who;
		struct {
			int64_t deep;
		} inner;
	} retry;
};

/* "auth-x509", "store-sqlite"… of that kind; "store-strict" requires `certificate`; "nope" is not
 * there; "wrong-kind" is a policy; "broken" has an unsound schema. `arg` counts the checks; a
 * `path` that ends in "/refused" is refused by `check`. */
extern const struct yett_conf_hooks test_hooks;
extern const struct yett_module test_module; /* source-test */

#endif
