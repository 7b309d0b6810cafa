#include "queue-disk-fixture.h"

#include "../../modules/queue-disk/disk.h"

void fixture_disk_seal(struct fixture *fixture, uint32_t lane)
{
	struct yett_disk_segment *last = yett_disk_active(fixture->self, lane);

	last->sealed = true;
	yett_disk_segment_record(fixture->self, last);
}

void fixture_disk_lose_power(struct fixture *fixture, struct yett_faulty *faulty)
{
	if (fixture->self != NULL) {
		fixture_destroy(fixture, false);
		yett_faulty_crash(faulty, YETT_FAULTY_NOTHING);
	}
}
