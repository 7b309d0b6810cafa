/* SPDX-License-Identifier: Apache-2.0
 *
 * Results. Every call of the SDK that can fail returns 0 (or a count) or one of the negative
 * numbers below. The numbers are part of the ABI: append, never renumber, never reuse.
 *
 * Each row: name, number, whether the same call may succeed later without a change (RETRY or
 * FINAL), whose fault it is (CALLER, PEER, UPSTREAM, LOCAL), and a text.
 */
#ifndef YETT_ERROR_H
#define YETT_ERROR_H

#define YETT_ERRORS(X)                                                                             \
	X(EINVAL, -1, FINAL, CALLER, "invalid argument")                                           \
	X(ENOMEM, -2, RETRY, LOCAL, "out of memory")                                               \
	X(EAGAIN, -3, RETRY, LOCAL, "would have to wait")                                          \
	X(EIO, -4, RETRY, LOCAL, "input/output error")                                             \
	X(ENOSPC, -5, RETRY, LOCAL, "no space left on the device")                                 \
	X(EFULL, -6, RETRY, LOCAL, "a configured limit is reached")                                \
	X(ECORRUPT, -7, FINAL, LOCAL, "stored data is damaged")                                    \
	X(EVERSION, -8, FINAL, LOCAL, "a version that is not understood")                          \
	X(EPROTO, -9, FINAL, PEER, "the peer broke the protocol")                                  \
	X(ELIMIT, -10, FINAL, PEER, "the peer exceeded a limit")                                   \
	X(ETIMEOUT, -11, RETRY, PEER, "the deadline has passed")                                   \
	X(ECLOSED, -12, RETRY, PEER, "the connection is closed")                                   \
	X(EDENIED, -13, FINAL, PEER, "denied")                                                     \
	X(ENOTFOUND, -14, FINAL, CALLER, "not found")                                              \
	X(EEXIST, -15, FINAL, CALLER, "exists already")                                            \
	X(EUNAVAIL, -16, RETRY, UPSTREAM, "not available now")                                     \
	X(ECONFIG, -17, FINAL, CALLER, "the configuration is wrong")                               \
	X(EABI, -18, FINAL, CALLER, "built for another ABI")                                       \
	X(ENOTSUP, -19, FINAL, CALLER, "not supported")                                            \
	X(EBUG, -20, FINAL, LOCAL, "a mistake in the program")                                     \
	X(ECONFLICT, -21, RETRY, CALLER, "changed by someone else meanwhile")                      \
	X(ESYNC, -22, FINAL, LOCAL, "a sync to disk failed: what it covered is not durable")       \
	X(EPERM, -23, FINAL, LOCAL, "the operating system does not permit it")                     \
	X(EEND, -24, FINAL, CALLER, "the end is reached")

enum yett_result {
	YETT_OK = 0,
#define YETT_ERROR_ENUM(name, number, retry, fault, text) YETT_##name = (number),
	YETT_ERRORS(YETT_ERROR_ENUM)
#undef YETT_ERROR_ENUM
};

/* A sentence for people, filled once at the place that knows most, through the host's
 * fail(). Opaque to modules; owned by the caller that passes it; may be NULL. */
struct yett_error;

#endif
