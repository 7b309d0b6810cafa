/* The keys of records and notices (doc/record.cddl, doc/custody.cddl), for writer and reader. */
#ifndef YETT_WIRE_RECORD_KEYS_H
#define YETT_WIRE_RECORD_KEYS_H

enum record_key {
	RECORD_TIME = 1,
	RECORD_KIND = 2,
	RECORD_NAME = 3,
	RECORD_SEVERITY = 4,
	RECORD_VALUE = 5,
	RECORD_UNIT = 6,
	RECORD_BODY = 7,
	RECORD_ATTRIBUTES = 8,
	RECORD_STATE = 9,
};
#define RECORD_SEVERITY_MAX 24

enum notice_key {
	NOTICE_KIND = 1,
	NOTICE_ORIGIN = 2,
	NOTICE_ORDINAL = 3,
	NOTICE_RANDOM = 4,
	NOTICE_LANE = 5,
	NOTICE_FIRST = 6,
	NOTICE_COUNT = 7,
	NOTICE_ID = 8,
	NOTICE_HOLDER = 9,
	NOTICE_CAUSE = 10,
	NOTICE_CLOSED = 11,
};

#endif
