/* The way that data takes through a node, one file a stage:
 *
 *     accept -> authenticate -> admit -> intake -> [queue] -> select -> deliver -> settle
 *                                           \-> [store] -> settle
 *
 *   accept        listeners: a connection becomes a peer, within limits
 *   authenticate  HELLO and AUTH: a stranger becomes a principal; auth modules on their threads
 *   admit         INTRO, WELCOME, REFUSE: may this principal, as this node, take part?
 *   intake        is the batch's origin the peer, or granted to it? then it is kept
 *   queue, store  durable by group commit; only then intake acknowledges (keep.c: a batch that is being
 *                 kept; waiting.c: what waits to be; credit.c: memory)
 *   select        asks the policy for an upstream
 *   deliver       sends what the queue holds, within the upstream's credit (flight.c: what is under way)
 *   settle        removes what an upstream has taken custody of
 *
 * Beside the way: peer.c (a session: channel, wire machine, life), sessions.c (the open ones by the id
 * of their node), method.c (the auth modules), refusals.c (who was not let in, and why), upstream.c
 * (dials, backs off, renews), path.c (the way to the store, and no loops), documents.c (what waits to be
 * written to the registry), readers.c (what is read from the store), watch.c (what others have changed
 * there), origin.c, source.c and sink.c (this node's own records), bounds.c (how far earlier epochs went),
 * numbers.c (which of them a queue in memory has lost), gap.c (what is lost is declared), node.c (makes
 * and ends all of it), reload.c.
 *
 * The queue splits a node in two halves that never call each other. A stage calls only the next
 * one; what comes back comes as a completion. All of it runs on the node's loop, but for what is
 * said to run on an executor.
 *
 * States of a peer, and the legal transitions (peer.h):
 *
 *     CONNECTING -> HELLO -> AUTH -> INTRO -> OPEN
 *     any        -> CLOSED
 *
 * States of a batch in a node with a queue:
 *
 *     pending -> appended -> synced (acknowledged) -> ready -> in flight -> settled
 *     in flight -> ready     the upstream's session ended, or it refused for now
 *     synced    -> dropped   its gap notice is synced (gap.c)
 */
#ifndef YETT_FLOW_FLOW_H
#define YETT_FLOW_FLOW_H

struct yett_node;
struct yett_peer;
struct yett_keep;
struct yett_link;

#endif
