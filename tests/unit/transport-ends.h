/* Two transports in one world, and what each of their ends has seen. */
#ifndef YETT_TEST_TRANSPORT_ENDS_H
#define YETT_TEST_TRANSPORT_ENDS_H

#include <glib.h>
#include <yett/transport.h>

#include "memory-host.h"

struct transport; /* an instance of the module */

/* One end of a channel. */
struct end {
	struct transport *transport;
	struct yett_channel *channel; /* NULL once it is closed */
	unsigned ups, closeds, writables;
	int result; /* of `closed` */
	char text[512], mend[256];
	struct yett_facts facts; /* as at `up`; the pointers are good until it closes */
	GByteArray *received;
	/* What to do from within events. */
	bool close_in_up, close_in_received, close_in_accepted, refuse, pause_in_received;
};

extern const struct yett_module yett_module; /* the one that is linked in */

struct transport {
	struct memory_world *world;
	struct yett_host *host;
	void *self;
	struct end *accepted; /* the next accepted channel is this one's */
	struct yett_endpoint *endpoint;
};

const struct yett_transport_operations *transport_operations(void);
/* "" for no certificate. Fails the test if it cannot be made. */
struct transport *transport_new(
	struct memory_world *world, const char *certificate, const char *key);
void transport_free(struct transport *transport);
void transport_listen(struct transport *transport, const char *address);
int transport_reload(struct transport *transport, const char *certificate, const char *key,
	struct yett_error *error);

void end_init(struct end *end);
void end_connect(
	struct end *end, struct transport *transport, const char *address, uint64_t timeout_ns);
int end_send(struct end *end, const void *bytes, size_t length);
void end_close(struct end *end, int orderly);
void end_done(struct end *end); /* closes what is open */

#endif
