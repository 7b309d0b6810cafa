/* The tables, functions and views of version 1, as doc/store-postgresql.md describes them for those
 * who query them. They are made in one transaction, in a schema that holds nothing else; a later
 * version brings the steps from each older one. Times are nanoseconds of Unix time. Numbers that are
 * unsigned elsewhere (ordinal, random) stand here as signed ones, bit for bit.
 */
#include "internal.h"

/* clang-format off */
#define TIME(column) "to_timestamp(" column " / 1000000000.0)"
#define ORIGIN "coalesce(origin.name, origin.uuid::text)"
#define LANE "CASE epoch.lane WHEN 0 THEN 'urgent' WHEN 1 THEN 'normal' ELSE 'bulk' END"
#define CAUSE(column)                                                                              \
	"CASE " column " WHEN 1 THEN 'quota' WHEN 2 THEN 'quarantine' WHEN 3 THEN 'age' "          \
	"WHEN 4 THEN 'volatile' WHEN 5 THEN 'rejected' WHEN 6 THEN 'inferred' "                    \
	"ELSE " column "::text END"
#define TIMES                                                                                      \
	TIME("record.received") " AS received, record.time AS time_ns, "                           \
	"record.time / 1000000000 AS time_s"
#define JOINS                                                                                      \
	" FROM record JOIN name ON name.id = record.name "                                         \
	"JOIN origin ON origin.id = record.origin WHERE record.kind = "
#define EPOCH_JOINS(table)                                                                         \
	" FROM " table " JOIN epoch ON epoch.id = " table ".epoch "                                \
	"JOIN origin ON origin.id = epoch.origin;"
/* What is received of one epoch, and what is declared lost, as sets of numbers. */
#define GOT                                                                                        \
	"(SELECT coalesce(range_agg(part), '{}'::int8multirange) FROM "                            \
	"(SELECT int8range(first, first + count) AS part FROM piece WHERE piece.epoch = of_epoch " \
	"UNION ALL SELECT int8range(first, next) FROM folded WHERE folded.epoch = of_epoch) AS x)"
#define TOLD                                                                                       \
	"(SELECT coalesce(range_agg(int8range(first, first + count)), '{}'::int8multirange) "      \
	"FROM gap WHERE gap.epoch = of_epoch)"
#define UP_TO(number) "int8multirange(int8range(1, greatest(1, least(" number ", top))))"
#define SIZE(set) "(SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint FROM unnest(" set ") AS r)"

const char *const yett_pg_schema =
	"CREATE TABLE store (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL, "
	"store_id uuid NOT NULL, group_id text COLLATE \"C\" NOT NULL, generation bigint NOT NULL, "
	"opens bigint NOT NULL DEFAULT 0, revision bigint NOT NULL DEFAULT 0, "
	"record bigint NOT NULL DEFAULT 0, epoch bigint NOT NULL DEFAULT 0, "
	"origin bigint NOT NULL DEFAULT 0, name bigint NOT NULL DEFAULT 0) WITH (fillfactor = 20);"
	"CREATE TABLE origin (id integer PRIMARY KEY, uuid uuid NOT NULL UNIQUE, name text);"
	"CREATE INDEX origin_name ON origin (name);"
	"CREATE TABLE name (id integer PRIMARY KEY, text text COLLATE \"C\" NOT NULL UNIQUE);"
	/* Custody: which numbers are here. */
	"CREATE TABLE epoch (id bigint PRIMARY KEY, origin integer NOT NULL, ordinal bigint NOT NULL, "
	"random bigint NOT NULL, lane integer NOT NULL, state integer NOT NULL, oldest bigint NOT NULL, "
	"next bigint NOT NULL, closed integer NOT NULL, received bigint NOT NULL, "
	"highest bigint NOT NULL, pieces bigint NOT NULL, runs bigint NOT NULL, "
	"metrics bigint NOT NULL, events bigint NOT NULL, states bigint NOT NULL, "
	"forks bigint NOT NULL, dead bigint NOT NULL, declared bigint NOT NULL, "
	"inferred bigint NOT NULL, changed bigint NOT NULL, gateway text, "
	"UNIQUE (origin, ordinal, random, lane)) WITH (fillfactor = 50);"
	"CREATE INDEX epoch_open ON epoch (origin, ordinal, random) WHERE state = 1;"
	"CREATE TABLE piece (epoch bigint, first bigint, count bigint NOT NULL, crc bigint NOT NULL, "
	"PRIMARY KEY (epoch, first));"
	"CREATE TABLE folded (epoch bigint, first bigint, next bigint NOT NULL, "
	"PRIMARY KEY (epoch, first));"
	"CREATE TABLE gap (uuid uuid PRIMARY KEY, epoch bigint NOT NULL, first bigint NOT NULL, "
	"count bigint NOT NULL, cause integer NOT NULL, holder uuid NOT NULL, received bigint NOT NULL);"
	"CREATE INDEX gap_epoch ON gap (epoch, first);"
	/* Records. UNIQUE (epoch, number): storing one twice is impossible, not only avoided. */
	"CREATE TABLE record (id bigint PRIMARY KEY, epoch bigint NOT NULL, number bigint NOT NULL, "
	"time bigint NOT NULL, received bigint NOT NULL, origin integer NOT NULL, name integer NOT NULL, "
	"kind smallint NOT NULL, severity smallint NOT NULL, state smallint, value double precision, "
	"whole bigint, words text, unit text, body text, attributes json, UNIQUE (epoch, number)) "
	"WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);"
	"CREATE INDEX record_name ON record (name, time);"
	"CREATE INDEX record_origin ON record (origin, time);"
	"CREATE TABLE dead_letter (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
	"epoch bigint NOT NULL, first bigint NOT NULL, count bigint NOT NULL, crc bigint NOT NULL, "
	"received bigint NOT NULL, cause text NOT NULL, gateway text, meta bytea, batch bytea NOT NULL, "
	"UNIQUE (epoch, first, count, crc));"
	"CREATE TABLE fork (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, epoch bigint NOT NULL, "
	"first bigint NOT NULL, count bigint NOT NULL, crc bigint NOT NULL, received bigint NOT NULL, "
	"gateway text, meta bytea, batch bytea NOT NULL, UNIQUE (epoch, first, count, crc));"
	"CREATE TABLE position (key text COLLATE \"C\" PRIMARY KEY, value bytea NOT NULL);"
	/* json NULL: it was deleted, of which others may still have to hear. */
	"CREATE TABLE registry (tbl text COLLATE \"C\", key text COLLATE \"C\", json json, "
	"revision bigint NOT NULL, modified bigint NOT NULL, PRIMARY KEY (tbl, key));"
	"CREATE UNIQUE INDEX registry_revision ON registry (revision);"
	/* Functions. */
	"CREATE FUNCTION is_json(document text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ "
	"BEGIN PERFORM document::jsonb; RETURN true; "
	"EXCEPTION WHEN data_exception THEN RETURN false; END $$;"
	/* Of the numbers below `top` that are not received: how many are lost, and how. */
	"CREATE FUNCTION sums(of_epoch bigint, oldest bigint, top bigint, OUT declared bigint, "
	"OUT inferred bigint, OUT missing bigint, OUT first_missing bigint) LANGUAGE sql STABLE "
	"BEGIN ATOMIC WITH sets AS MATERIALIZED (SELECT " GOT " AS got, " TOLD " AS told), "
	"parts AS MATERIALIZED (SELECT (told - got) * " UP_TO("top") " AS declared, "
	UP_TO("sums.oldest") " - got - told AS inferred, "
	UP_TO("top") " - " UP_TO("sums.oldest") " - got - told AS missing FROM sets) "
	"SELECT " SIZE("parts.declared") ", " SIZE("parts.inferred") ", " SIZE("parts.missing") ", "
	"coalesce(lower(parts.missing), 0) FROM parts; END;"
	/* Each range of them that is lost; where gaps overlap, the first one counts. */
	"CREATE FUNCTION lost(of_epoch bigint, oldest bigint, top bigint) RETURNS TABLE (first bigint, "
	"next bigint, cause integer, uuid uuid, holder uuid) LANGUAGE sql STABLE "
	"BEGIN ATOMIC WITH sets AS MATERIALIZED (SELECT " GOT " AS got, " TOLD " AS told), "
	"gaps AS (SELECT greatest(gap.first, max(gap.first + gap.count) OVER (ORDER BY gap.first, "
	"gap.count DESC, gap.uuid ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS from_number, "
	"gap.first + gap.count AS to_number, gap.cause, gap.uuid, gap.holder FROM gap "
	"WHERE gap.epoch = of_epoch) "
	"SELECT lower(r), upper(r), gaps.cause, gaps.uuid, gaps.holder FROM gaps, sets, "
	"unnest(int8multirange(int8range(from_number, to_number)) * " UP_TO("top") " - got) AS r "
	"WHERE from_number < to_number UNION ALL "
	"SELECT lower(r), upper(r), 6, NULL, NULL FROM sets, "
	"unnest(" UP_TO("lost.oldest") " - got - told) AS r; END;"
	/* Views. */
	"CREATE VIEW metrics AS SELECT record.id, " TIME("record.time") " AS time, " ORIGIN " AS origin, "
	"name.text AS name, coalesce(record.value, record.whole) AS value, record.unit, "
	"record.attributes, " TIMES JOINS "1;"
	"CREATE VIEW events AS SELECT record.id, " TIME("record.time") " AS time, " ORIGIN " AS origin, "
	"CASE WHEN severity = 0 THEN NULL WHEN severity < 5 THEN 'trace' WHEN severity < 9 THEN 'debug' "
	"WHEN severity < 13 THEN 'info' WHEN severity < 17 THEN 'warn' WHEN severity < 21 THEN 'error' "
	"ELSE 'fatal' END AS severity, name.text AS name, record.body, record.attributes, "
	TIMES JOINS "2;"
	"CREATE VIEW states AS SELECT record.id, " TIME("record.time") " AS time, " ORIGIN " AS origin, "
	"name.text AS name, CASE record.state WHEN 0 THEN 'ok' WHEN 1 THEN 'warning' "
	"WHEN 2 THEN 'critical' ELSE 'unknown' END AS state, record.body AS output, record.attributes, "
	TIMES JOINS "3;"
	"CREATE VIEW gaps AS SELECT gap.uuid, " ORIGIN " AS origin, epoch.ordinal, " LANE " AS lane, "
	"gap.first, gap.first + gap.count - 1 AS last, " CAUSE("gap.cause") " AS cause, "
	"coalesce((SELECT name FROM origin AS holder WHERE holder.uuid = gap.holder), "
	"gap.holder::text) AS holder, " TIME("gap.received") " AS received" EPOCH_JOINS("gap")
	"CREATE VIEW losses AS SELECT " ORIGIN " AS origin, epoch.ordinal, " LANE " AS lane, "
	"lost.first, lost.next - 1 AS last, lost.next - lost.first AS count, "
	CAUSE("lost.cause") " AS cause FROM epoch JOIN origin ON origin.id = epoch.origin "
	"CROSS JOIN LATERAL lost(epoch.id, epoch.oldest, greatest(epoch.highest + 1, epoch.next)) AS lost "
	"WHERE epoch.state <> 2 OR epoch.declared + epoch.inferred > 0;"
	"CREATE VIEW dead_letters AS SELECT dead_letter.id, " ORIGIN " AS origin, epoch.ordinal, "
	LANE " AS lane, dead_letter.first, dead_letter.count, dead_letter.cause, dead_letter.gateway, "
	TIME("dead_letter.received") " AS received, length(dead_letter.batch) AS bytes"
	EPOCH_JOINS("dead_letter")
	"CREATE VIEW forks AS SELECT fork.id, " ORIGIN " AS origin, epoch.ordinal, " LANE " AS lane, "
	"fork.first, fork.count, fork.gateway, " TIME("fork.received") " AS received, "
	"length(fork.batch) AS bytes" EPOCH_JOINS("fork")
	"CREATE VIEW node AS SELECT coalesce(json ->> 'id', key) AS id, json ->> 'name' AS name, "
	"json ->> 'role' AS role, coalesce(json ->> 'version', json ->> 'software') AS version, "
	"json ->> 'health' AS health, (json ->> 'is_gateway')::boolean AS is_gateway, "
	"(json ->> 'live')::boolean AS live, json ->> 'address' AS address, revision, "
	TIME("modified") " AS modified, json FROM registry WHERE tbl = 'node' AND json IS NOT NULL;";
/* clang-format on */
