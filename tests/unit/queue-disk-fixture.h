/* What a test does to a queue-disk beyond what a queue can be asked for. */
#ifndef YETT_TESTS_QUEUE_DISK_FIXTURE_H
#define YETT_TESTS_QUEUE_DISK_FIXTURE_H

#include "files-faulty.h"
#include "queue-fixture.h"

/* Seals the segment that the lane appends to. */
void fixture_disk_seal(struct fixture *fixture, uint32_t lane);
/* Ends it as a loss of power does, where it runs. */
void fixture_disk_lose_power(struct fixture *fixture, struct yett_faulty *faulty);

#endif
