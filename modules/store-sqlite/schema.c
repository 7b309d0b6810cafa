/* The tables and views of version 1, as doc/store-sqlite.md describes them for those who query
 * them. They are made in one transaction, when a writer finds an empty file; a later version
 * brings the steps from each older one. Times are nanoseconds of Unix time. Numbers that are
 * unsigned elsewhere (ordinal, random) stand here as SQLite's signed ones, bit for bit.
 */
#include "internal.h"

#define TIME_TEXT(column) "strftime('%Y-%m-%dT%H:%M:%fZ', " column " / 1000000000.0, 'unixepoch')"
#define LANE_TEXT(column)                                                                          \
	"CASE " column " WHEN 0 THEN 'urgent' WHEN 1 THEN 'normal' WHEN 2 THEN 'bulk' "            \
	"ELSE " column " END"
#define SEVERITY_TEXT(column)                                                                      \
	"CASE WHEN " column " = 0 THEN NULL WHEN " column " < 5 THEN 'trace' "                     \
	"WHEN " column " < 9 THEN 'debug' WHEN " column " < 13 THEN 'info' "                       \
	"WHEN " column " < 17 THEN 'warn' WHEN " column " < 21 THEN 'error' ELSE 'fatal' END"
#define ORIGIN_TEXT "coalesce(origin.name, origin.uuid)"

const char
	*const yett_sqlite_schema =
		"CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT "
		"ROWID;"
		"CREATE TABLE origin (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name "
		"TEXT) "
		"STRICT;"
		"CREATE INDEX origin_name ON origin (name);"
		"CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;"
		/* Custody: which numbers are here. */
		"CREATE TABLE epoch (id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, "
		"ordinal INTEGER NOT NULL, random INTEGER NOT NULL, lane INTEGER NOT NULL, "
		"state INTEGER NOT NULL DEFAULT 0, oldest INTEGER NOT NULL DEFAULT 0, "
		"next INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0, "
		"received INTEGER NOT NULL DEFAULT 0, highest INTEGER NOT NULL DEFAULT 0, "
		"pieces INTEGER NOT NULL DEFAULT 0, runs INTEGER NOT NULL DEFAULT 0, "
		"metrics INTEGER NOT NULL DEFAULT 0, events INTEGER NOT NULL DEFAULT 0, "
		"states INTEGER NOT NULL DEFAULT 0, forks INTEGER NOT NULL DEFAULT 0, "
		"dead INTEGER NOT NULL DEFAULT 0, declared INTEGER NOT NULL DEFAULT 0, "
		"inferred INTEGER NOT NULL DEFAULT 0, changed INTEGER NOT NULL, gateway TEXT, "
		"UNIQUE (origin, ordinal, random, lane)) STRICT;"
		"CREATE INDEX epoch_open ON epoch (origin, ordinal, random) WHERE state = 1;"
		"CREATE TABLE piece (epoch INTEGER NOT NULL, first INTEGER NOT NULL, "
		"count INTEGER NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (epoch, first)) "
		"STRICT, WITHOUT ROWID;"
		"CREATE TABLE folded (epoch INTEGER NOT NULL, first INTEGER NOT NULL, "
		"next INTEGER NOT NULL, PRIMARY KEY (epoch, first)) STRICT, WITHOUT ROWID;"
		"CREATE TABLE gap (uuid TEXT NOT NULL PRIMARY KEY, epoch INTEGER NOT NULL, "
		"first INTEGER NOT NULL, count INTEGER NOT NULL, cause INTEGER NOT NULL, "
		"holder TEXT NOT NULL, received INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
		"CREATE INDEX gap_epoch ON gap (epoch, first);"
		/* Records. UNIQUE (epoch, number): storing one twice is impossible, not only avoided. */
		"CREATE TABLE record (id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, "
		"epoch INTEGER NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL, "
		"time INTEGER NOT NULL, received INTEGER NOT NULL, name INTEGER NOT NULL, "
		"severity INTEGER NOT NULL, state INTEGER, value ANY, unit TEXT, body TEXT, "
		"attributes TEXT, UNIQUE (epoch, number)) STRICT;"
		"CREATE INDEX record_name ON record (name, time);"
		"CREATE INDEX record_origin ON record (origin, time);"
		"CREATE TABLE dead_letter (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, "
		"first INTEGER NOT NULL, count INTEGER NOT NULL, crc INTEGER NOT NULL, "
		"received INTEGER NOT NULL, cause TEXT NOT NULL, gateway TEXT, meta BLOB, "
		"batch BLOB NOT NULL, UNIQUE (epoch, first, count, crc)) STRICT;"
		"CREATE TABLE fork (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, "
		"first INTEGER NOT NULL, count INTEGER NOT NULL, crc INTEGER NOT NULL, "
		"received INTEGER NOT NULL, gateway TEXT, meta BLOB, batch BLOB NOT NULL, "
		"UNIQUE (epoch, first, count, crc)) STRICT;"
		"CREATE TABLE position (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) "
		"STRICT, WITHOUT ROWID;"
		"CREATE TABLE registry (tbl TEXT NOT NULL, key TEXT NOT NULL, "
		"json TEXT NOT NULL, revision INTEGER NOT NULL, "
		"modified INTEGER NOT NULL, PRIMARY KEY (tbl, key)) STRICT, WITHOUT ROWID;"
		/* Views. */
		"CREATE VIEW metrics AS SELECT record.id, " TIME_TEXT(
			"record.time") " AS time, " ORIGIN_TEXT
				       " AS origin, name.text AS name, record.value, record.unit, "
				       "record.attributes, " TIME_TEXT("record.received") " AS "
											  "received"
											  ", "
											  "record."
											  "time AS "
											  "time_ns,"
											  " record."
											  "time / "
											  "10000000"
											  "00 AS "
											  "time_s "
											  "FROM "
											  "record "
											  "JOIN "
											  "name ON "
											  "name.id "
											  "= "
											  "record."
											  "name "
											  "JOIN "
											  "origin "
											  "ON "
											  "origin."
											  "id = "
											  "record."
											  "origin "
											  "WHERE "
											  "record."
											  "kind = "
											  "1;"
											  "CREATE "
											  "VIEW "
											  "events "
											  "AS "
											  "SELECT "
											  "record."
											  "id,"
											  " " TIME_TEXT("record.time") " AS time, " ORIGIN_TEXT " AS origin, " SEVERITY_TEXT("record.severity") " AS severity, "
																								"name.text AS name, record.body, record.attributes, " TIME_TEXT("record.received") " AS received, "
																																		   "record.time AS time_ns, record.time / 1000000000 AS time_s "
																																		   "FROM record JOIN name ON name.id = record.name JOIN origin ON origin.id = record.origin "
																																		   "WHERE record.kind = 2;"
																																		   "CREATE VIEW states AS SELECT record.id, " TIME_TEXT("record.time") " AS time, " ORIGIN_TEXT
																																										       " AS origin, name.text AS name, CASE record.state WHEN 0 THEN 'ok' "
																																										       "WHEN 1 THEN 'warning' WHEN 2 THEN 'critical' ELSE 'unknown' END AS state, "
																																										       "record.body AS output, record.attributes, " TIME_TEXT(
																																											       "record.received") " AS received, "
																																														  "record.time AS time_ns, record.time / 1000000000 AS time_s "
																																														  "FROM record JOIN name ON name.id = record.name JOIN origin ON origin.id = record.origin "
																																														  "WHERE record.kind = 3;"
																																														  "CREATE VIEW gaps AS SELECT gap.uuid, " ORIGIN_TEXT " AS origin, epoch.ordinal, " LANE_TEXT("epoch.lane") " AS lane, gap.first, gap.first + gap.count - 1 AS last, "
																																																											    "CASE gap.cause WHEN 1 THEN 'quota' WHEN 2 THEN 'quarantine' WHEN 3 THEN 'age' "
																																																											    "WHEN 4 THEN 'volatile' WHEN 5 THEN 'rejected' WHEN 6 THEN 'inferred' "
																																																											    "ELSE gap.cause END AS cause, "
																																																											    "coalesce((SELECT name FROM origin WHERE uuid = gap.holder), gap.holder) AS holder, " TIME_TEXT(
																																																												    "gap.received") " AS received "
																																																														    "FROM gap JOIN epoch ON epoch.id = gap.epoch JOIN origin ON origin.id = epoch.origin;"
																																																														    "CREATE VIEW dead_letters AS SELECT dead_letter.id, " ORIGIN_TEXT
																																																														    " AS origin, "
																																																														    "epoch.ordinal, " LANE_TEXT(
																																																															    "epoch.lane") " AS lane, dead_letter.first, "
																																																																	  "dead_letter.count, dead_letter.cause, dead_letter.gateway, " TIME_TEXT("dead_letter.received") " AS received, length(dead_letter.batch) AS bytes "
																																																																													  "FROM dead_letter JOIN epoch ON epoch.id = dead_letter.epoch "
																																																																													  "JOIN origin ON origin.id = epoch.origin;"
																																																																													  "CREATE VIEW forks AS SELECT fork.id, " ORIGIN_TEXT
																																																																													  " AS origin, "
																																																																													  "epoch.ordinal, " LANE_TEXT("epoch.lane") " AS lane, fork.first, "
																																																																																		    "fork.count, fork.gateway, " TIME_TEXT(
																																																																																			    "fork.received") " AS received, "
																																																																																					     "length(fork.batch) AS bytes FROM fork JOIN epoch ON epoch.id = fork.epoch "
																																																																																					     "JOIN origin ON origin.id = epoch.origin;"
																																																																																					     "CREATE VIEW node AS SELECT coalesce(json_extract(json, '$.id'), key) AS id, "
																																																																																					     "json_extract(json, '$.name') AS name, json_extract(json, '$.role') AS role, "
																																																																																					     "coalesce(json_extract(json, '$.version'), json_extract(json, '$.software')) AS version, "
																																																																																					     "json_extract(json, '$.health') AS health, json_extract(json, '$.is_gateway') AS is_gateway, "
																																																																																					     "json_extract(json, '$.live') AS live, json_extract(json, '$.address') AS address, "
																																																																																					     "revision, " TIME_TEXT(
																																																																																						     "modified") " AS modified, json FROM registry WHERE tbl = 'node';";

/* Documents that were deleted: so that who watches the registry hears of it. */
const char *const yett_sqlite_schema_gone =
	"CREATE TABLE IF NOT EXISTS gone (tbl TEXT NOT NULL, key TEXT NOT NULL, "
	"revision INTEGER NOT NULL, PRIMARY KEY (tbl, key)) STRICT, WITHOUT ROWID";
