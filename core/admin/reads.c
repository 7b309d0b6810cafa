/* What people ask the store, one at a time.
 *
 * Responsible for handing them to the store's reader of long reads (flow/readers.c) in the order of asking, but
 * those first that are to change something: whoever looks holds up who mends by what is under way, and no more.
 * One that nobody waits for any more is not asked: it ends as if it had been, and whoever answers it finds
 * nobody. Not responsible for the questions. On the loop. */
#include "../flow/stages.h"
#include "request.h"

struct read {
	struct yett_admin_reads *reads;
	struct yett_admin_request *request;
	yett_admin_find_fn find;
	void (*done)(void *arg);
	void *arg;
};

struct yett_admin_reads {
	GQueue changes, looks; /* struct read */
	bool busy;
	bool ended; /* nobody asks any more */
};

static void next(struct yett_admin_reads *reads);

/* On the reader's thread. */
static void look(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct read *read = arg;

	read->find(operations, self, read->arg);
}

static void finish(struct read *read)
{
	read->done(read->arg);
	g_free(read);
}

static void found(void *arg)
{
	struct read *read = arg;
	struct yett_admin_reads *reads = read->reads;

	finish(read);
	reads->busy = false;
	next(reads);
}

static struct read *pop(struct yett_admin_reads *reads)
{
	struct read *read = g_queue_pop_head(&reads->changes);

	return read != NULL ? read : g_queue_pop_head(&reads->looks);
}

static void next(struct yett_admin_reads *reads)
{
	struct read *read;

	while (!reads->busy && (read = pop(reads)) != NULL) {
		if (reads->ended || !read->request->is_awaited(read->request)) {
			finish(read);
			continue;
		}
		reads->busy = true;
		yett_readers_call(
			yett_manage_node(read->request->manage), YETT_READ_LONG, look, found, read);
	}
	if (reads->ended && !reads->busy) {
		g_free(reads);
	}
}

void yett_admin_read(struct yett_admin_request *request, yett_admin_find_fn find,
	void (*done)(void *arg), void *arg)
{
	struct read *read = g_new0(struct read, 1);

	*read = (struct read){request->reads, request, find, done, arg};
	g_queue_push_tail(
		request->change != NULL ? &request->reads->changes : &request->reads->looks, read);
	next(request->reads);
}

struct yett_admin_reads *yett_admin_reads_new(void)
{
	struct yett_admin_reads *reads = g_new0(struct yett_admin_reads, 1);

	g_queue_init(&reads->changes);
	g_queue_init(&reads->looks);
	return reads;
}

void yett_admin_reads_end(struct yett_admin_reads *reads)
{
	reads->ended = true;
	next(reads);
}
