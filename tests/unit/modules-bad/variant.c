/* Modules that a core has to refuse, and older ones that it has to take: one source, and what is wrong
 * with each is said by its -D in tests/unit/module.am. */
#include <yett/policy.h>
#include <yett/queue.h>

#ifdef NO_SYMBOL

extern __attribute__((visibility("default"))) const int yett_something_else;
const int yett_something_else = 1;

#else

#	ifndef MAGIC
#		define MAGIC YETT_MODULE_MAGIC
#	endif
#	ifndef MAJOR
#		define MAJOR YETT_ABI_MAJOR
#	endif
#	ifndef MINOR
#		define MINOR YETT_ABI_MINOR
#	endif
#	ifndef KIND
#		define KIND YETT_KIND_POLICY
#	endif
#	ifndef NAME
#		define NAME "policy-variant"
#	endif
#	ifndef SIZE
#		define SIZE sizeof(struct yett_module)
#	endif
#	ifndef LIFE_SIZE
#		define LIFE_SIZE sizeof(struct yett_life)
#	endif
#	ifndef OPERATIONS_SIZE
#		define OPERATIONS_SIZE sizeof(struct yett_policy_operations)
#	endif
#	ifndef LIFE
#		define LIFE &life
#	endif
#	ifndef OPERATIONS
#		define OPERATIONS &operations
#	endif
#	ifndef CREATE
#		define CREATE create
#	endif
#	ifndef DESTROY
#		define DESTROY destroy
#	endif
#	ifndef PICK
#		define PICK pick
#	endif

#	ifdef UNRESOLVED
extern int yett_nobody_has_this(void);
#	endif

static int check(const struct yett_host *host, const void *settings, struct yett_error *error)
{
	(void)settings;
#	ifdef CHECK_FAILS
	return host->fail(
		error, YETT_ECONFIG, "write another one", "this module likes no settings");
#	else
	(void)host;
	(void)error;
	return 0;
#	endif
}

__attribute__((unused)) static int create(const struct yett_host *host,
	const struct yett_create *with, void **ret_self, struct yett_error *error)
{
	(void)host;
	(void)with;
	(void)error;
	*ret_self = NULL;
#	ifdef UNRESOLVED
	return yett_nobody_has_this();
#	else
	return 0;
#	endif
}

__attribute__((unused)) static void destroy(void *self)
{
	(void)self;
}

static void update(void *self, const struct yett_upstream *upstreams, size_t count)
{
	(void)self;
	(void)upstreams;
	(void)count;
}

__attribute__((unused)) static uint32_t pick(void *self, uint32_t lane, uint64_t *ret_again_ns)
{
	(void)self;
	(void)lane;
	(void)ret_again_ns;
	return YETT_POLICY_NONE;
}

static int wanted(void *self, uint32_t index)
{
	(void)self;
	return index == 0;
}

__attribute__((unused)) static const struct yett_life life = {
	.size = LIFE_SIZE, .check = check, .create = CREATE, .destroy = DESTROY};

__attribute__((unused)) static const struct yett_policy_operations operations = {
	.size = OPERATIONS_SIZE, .update = update, .pick = PICK, .wanted = wanted};

static const struct yett_metric metrics[] = {{"variant_things", "1", "things", 1}, {0}};

extern __attribute__((visibility("default"))) const struct yett_module yett_module;
const struct yett_module yett_module = {
	.magic = MAGIC,
	.abi_major = MAJOR,
	.abi_minor = MINOR,
	.size = SIZE,
	.kind = KIND,
	.name = NAME,
	.version = "1",
	.licence = "Apache-2.0",
	.summary = "for tests",
	.life = LIFE,
	.operations = OPERATIONS,
	.metrics = metrics,
};

#endif
