/* The statements that are prepared once per connection: a name, what they do in an error's sentence,
 * the text. Parameters and results are binary. */
#ifndef STORE_POSTGRESQL_STATEMENTS_H
#define STORE_POSTGRESQL_STATEMENTS_H

#define YETT_PG_EPOCH_COLUMNS                                                                      \
	"epoch.id, epoch.origin, epoch.ordinal, epoch.random, epoch.lane, epoch.state, "           \
	"epoch.oldest, epoch.next, epoch.closed, epoch.received, epoch.highest, epoch.pieces, "    \
	"epoch.runs, epoch.metrics, epoch.events, epoch.states, epoch.forks, epoch.dead, "         \
	"epoch.declared, epoch.inferred, epoch.changed, epoch.gateway"
#define YETT_PG_EPOCH_COLUMN_COUNT 22

/* What the columns of varying size take of a record. */
#define YETT_PG_RECORD_BYTES                                                                       \
	"coalesce(pg_column_size(value), 0) + coalesce(pg_column_size(whole), 0) + "               \
	"coalesce(pg_column_size(words), 0) + coalesce(pg_column_size(unit), 0) + "                \
	"coalesce(pg_column_size(body), 0) + coalesce(pg_column_size(attributes), 0)"

/* The same of a dead letter or a fork. */
#define YETT_PG_RAW_BYTES    "pg_column_size(batch) + coalesce(pg_column_size(meta), 0)"
#define YETT_PG_FILES(table) "pg_total_relation_size('" table "')"
#define YETT_PG_RAW_FILES    YETT_PG_FILES("dead_letter") " + " YETT_PG_FILES("fork")
/* The first and the last id, where the files are larger than $2. */
#define YETT_PG_ENDS(table, files)                                                                 \
	"SELECT (SELECT min(id) FROM " table " WHERE id > $1::bigint), "                           \
	"(SELECT max(id) FROM " table ") WHERE " files " > $2::bigint"
#define YETT_PG_WEIGH(table, bytes)                                                                \
	"SELECT id / $4::bigint AS block, sum($3::bigint + " bytes ")::bigint FROM " table         \
	" WHERE id >= $1::bigint AND id < $2::bigint GROUP BY block"

#define YETT_PG_STATEMENTS(X)                                                                      \
	X(META_GET, "read the store's identity",                                                   \
		"SELECT version, store_id, group_id, generation, opens FROM store")                \
	X(META_SET, "write the store's identity", "UPDATE store SET generation = $1, opens = $2")  \
	X(ORIGIN_FIND, "look up origins",                                                          \
		"SELECT uuid, id FROM origin WHERE uuid = ANY ($1::uuid[])")                       \
	X(ORIGIN_MAKE, "note origins",                                                             \
		"INSERT INTO origin (id, uuid) SELECT * FROM unnest($1::integer[], $2::uuid[])")   \
	X(ORIGIN_NAME, "name the origin of a node",                                                \
		"INSERT INTO origin (id, uuid, name) SELECT $2::bigint, (json ->> 'id')::uuid, "   \
		"json ->> 'name' FROM (SELECT $1::json AS json) AS document "                      \
		"WHERE json_typeof(json -> 'id') = 'string' "                                      \
		"AND json_typeof(json -> 'name') = 'string' AND json ->> 'name' <> '' "            \
		"AND json ->> 'id' ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' "      \
		"ON CONFLICT (uuid) DO UPDATE SET name = excluded.name "                           \
		"WHERE origin.name IS DISTINCT FROM excluded.name RETURNING id")                   \
	X(OPEN_EPOCHS, "count open epochs",                                                        \
		"WITH asked AS (SELECT origin, n FROM unnest($1::integer[]) "                      \
		"WITH ORDINALITY AS asked (origin, n)) "                                           \
		"SELECT n, ordinal, random FROM asked CROSS JOIN LATERAL "                         \
		"(SELECT ordinal, random FROM epoch WHERE epoch.origin = asked.origin "            \
		"AND state = 1 ORDER BY ordinal, random LIMIT $2::bigint) AS oldest UNION "        \
		"SELECT n, ordinal, random FROM asked JOIN unnest($3::integer[], $4::bigint[], "   \
		"$5::bigint[]) AS named (origin, ordinal, random) USING (origin) "                 \
		"JOIN epoch USING (origin, ordinal, random) WHERE state = 1")                      \
	X(NAME_FIND, "look up names", "SELECT text, id FROM name WHERE text = ANY ($1::text[])")   \
	X(NAME_MAKE, "note names",                                                                 \
		"INSERT INTO name (id, text) SELECT * FROM unnest($1::integer[], $2::text[])")     \
	X(NAME_SWEEP_END, "look for names",                                                        \
		"SELECT max(id) FROM (SELECT id FROM name WHERE id > $1::bigint ORDER BY id "      \
		"LIMIT 500) AS slice")                                                             \
	X(NAME_SWEEP, "retire names",                                                              \
		"DELETE FROM name WHERE id > $1::bigint AND id <= $2::bigint AND NOT EXISTS "      \
		"(SELECT FROM record WHERE record.name = name.id)")                                \
	X(EPOCH_FIND, "look for epochs",                                                           \
		"SELECT " YETT_PG_EPOCH_COLUMNS " FROM unnest($1::integer[], $2::bigint[], "       \
		"$3::bigint[], $4::integer[]) AS asked (origin, ordinal, random, lane) "           \
		"JOIN epoch USING (origin, ordinal, random, lane)")                                \
	X(EPOCH_QUIET, "look for epochs",                                                          \
		"SELECT " YETT_PG_EPOCH_COLUMNS " FROM epoch JOIN (SELECT ordinal, random "        \
		"FROM (SELECT ordinal, random, changed FROM epoch WHERE origin = $1::bigint "      \
		"AND state = 1 AND ordinal < $3::bigint ORDER BY ordinal, random "                 \
		"LIMIT $4::bigint) AS oldest GROUP BY ordinal, random "                            \
		"HAVING max(changed) < $2::bigint ORDER BY ordinal, random LIMIT 1) AS quiet "     \
		"USING (ordinal, random) "                                                         \
		"WHERE epoch.origin = $1::bigint")                                                 \
	/* Those that are open, and the newest: many old ones cost nothing. */                     \
	X(EPOCH_EARLIER, "look for epochs",                                                        \
		"SELECT " YETT_PG_EPOCH_COLUMNS " FROM epoch WHERE id IN (SELECT id FROM epoch "   \
		"WHERE origin = $1::bigint AND state = 1 AND ordinal > 0 "                         \
		"AND ordinal < $2::bigint UNION SELECT id FROM (SELECT id FROM epoch "             \
		"WHERE origin = $1::bigint AND ordinal > 0 AND ordinal < $2::bigint "              \
		"ORDER BY ordinal DESC LIMIT $4::bigint) AS newest) "                              \
		"AND lane = $3::bigint AND closed = 0")                                            \
	X(EPOCH_TOLD, "look for epochs",                                                           \
		"SELECT lane, max(ordinal) FROM epoch WHERE origin = $1::bigint AND state = 1 "    \
		"AND ordinal > 0 AND closed = 0 AND next > 0 GROUP BY lane")                       \
	X(EPOCH_GIVE_UP, "give up an epoch",                                                       \
		"UPDATE epoch SET state = 2 WHERE origin = $1::bigint AND ordinal = $2::bigint "   \
		"AND random = $3::bigint AND state = 1")                                           \
	X(EPOCH_WRITE, "write epochs",                                                             \
		"INSERT INTO epoch SELECT * FROM unnest($1::bigint[], $2::integer[], "             \
		"$3::bigint[], $4::bigint[], $5::integer[], $6::integer[], $7::bigint[], "         \
		"$8::bigint[], $9::integer[], $10::bigint[], $11::bigint[], $12::bigint[], "       \
		"$13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], "      \
		"$18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::text[]) "        \
		"ON CONFLICT (id) DO UPDATE SET state = excluded.state, "                          \
		"oldest = excluded.oldest, next = excluded.next, closed = excluded.closed, "       \
		"received = excluded.received, highest = excluded.highest, "                       \
		"pieces = excluded.pieces, runs = excluded.runs, metrics = excluded.metrics, "     \
		"events = excluded.events, states = excluded.states, forks = excluded.forks, "     \
		"dead = excluded.dead, declared = excluded.declared, "                             \
		"inferred = excluded.inferred, changed = excluded.changed, "                       \
		"gateway = excluded.gateway")                                                      \
	X(PIECE_MEET, "read pieces",                                                               \
		"WITH asked AS MATERIALIZED (SELECT * FROM unnest($1::integer[], $2::bigint[], "   \
		"$3::bigint[], $4::bigint[]) AS batch (n, epoch, first, next)) "                   \
		"SELECT n, 0, piece.first, piece.count, piece.crc FROM asked "                     \
		"CROSS JOIN LATERAL ((SELECT piece.first, count, crc FROM piece "                  \
		"WHERE piece.epoch = asked.epoch AND piece.first <= asked.first "                  \
		"ORDER BY piece.first DESC LIMIT 1) UNION ALL "                                    \
		"(SELECT piece.first, count, crc FROM piece WHERE piece.epoch = asked.epoch "      \
		"AND piece.first > asked.first AND piece.first < asked.next "                      \
		"ORDER BY piece.first LIMIT 1025)) AS piece "                                      \
		"WHERE piece.first + piece.count > asked.first UNION ALL "                         \
		"SELECT n, 1, run.first, run.next, 0 FROM asked CROSS JOIN LATERAL "               \
		"(SELECT folded.first, folded.next FROM folded WHERE folded.epoch = asked.epoch "  \
		"AND folded.first < asked.next ORDER BY folded.first DESC LIMIT 1) AS run "        \
		"WHERE run.next > asked.first ORDER BY 1, 2, 3")                                   \
	X(NUMBERS_THERE, "look for numbers",                                                       \
		"SELECT n FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[]) "   \
		"AS asked (n, epoch, first, next) WHERE EXISTS (SELECT FROM record "               \
		"WHERE record.epoch = asked.epoch AND number >= first AND number < next)")         \
	X(PIECE_MAKE, "note pieces",                                                               \
		"INSERT INTO piece (epoch, first, count, crc) "                                    \
		"SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])")    \
	X(PIECE_NTH, "read pieces",                                                                \
		"SELECT first FROM piece WHERE epoch = $1::bigint ORDER BY first DESC "            \
		"LIMIT 1 OFFSET $2::bigint")                                                       \
	X(PIECE_ISLANDS, "read pieces",                                                            \
		"SELECT lower(run), (SELECT count(*) FROM folded WHERE epoch = $1::bigint "        \
		"AND first = upper(run)) + (SELECT count(*) FROM (SELECT next FROM folded "        \
		"WHERE epoch = $1::bigint AND first < lower(run) ORDER BY first DESC LIMIT 1) "    \
		"AS below WHERE next = lower(run)) FROM unnest((SELECT "                           \
		"range_agg(int8range(first, first + count)) FROM piece "                           \
		"WHERE epoch = $1::bigint AND first < $2::bigint)) AS run ORDER BY 1")             \
	X(PIECE_FOLD, "fold pieces",                                                               \
		"WITH gone AS (DELETE FROM piece WHERE epoch = $1::bigint "                        \
		"AND first < $2::bigint RETURNING first, first + count AS next), "                 \
		"old AS (DELETE FROM folded WHERE epoch = $1::bigint AND (next IN (SELECT first "  \
		"FROM gone) OR first IN (SELECT next FROM gone)) RETURNING first, next), "         \
		"runs AS (SELECT unnest(range_agg(int8range(first, next))) AS run "                \
		"FROM (SELECT * FROM gone UNION ALL SELECT * FROM old) AS part), "                 \
		"made AS (INSERT INTO folded (epoch, first, next) "                                \
		"SELECT $1::bigint, lower(run), upper(run) FROM runs RETURNING 1) "                \
		"SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM old), "                 \
		"(SELECT count(*) FROM made)")                                                     \
	X(SUMS, "count what is lost",                                                              \
		"SELECT n, sums.* FROM unnest($1::integer[], $2::bigint[], $3::bigint[], "         \
		"$4::bigint[]) AS asked (n, epoch, oldest, top) "                                  \
		"CROSS JOIN LATERAL sums(asked.epoch, asked.oldest, asked.top) AS sums")           \
	X(GAP_COUNT, "count gaps",                                                                 \
		"WITH asked AS MATERIALIZED (SELECT * FROM unnest($1::bigint[]) WITH "             \
		"ORDINALITY AS asked (epoch, n)), part AS (SELECT n, gap.* FROM asked "            \
		"CROSS JOIN LATERAL (SELECT first, first + count AS next, cause, holder "          \
		"FROM gap WHERE gap.epoch = asked.epoch ORDER BY first LIMIT $7::bigint) "         \
		"AS gap UNION ALL SELECT * FROM unnest($2::bigint[], $3::bigint[], "               \
		"$4::bigint[], $5::integer[], $6::uuid[]) AS notice), whole AS (SELECT n, "        \
		"unnest(range_agg(int8range(first, next))) FROM part GROUP BY n, cause, "          \
		"holder) SELECT coalesce(max(count), 0) FROM (SELECT count(*) FROM whole "         \
		"GROUP BY n) AS of_epoch")                                                         \
	X(GAP_JOIN, "note gaps",                                                                   \
		"WITH asked AS MATERIALIZED (SELECT * FROM unnest($1::bigint[]) WITH "             \
		"ORDINALITY AS asked (epoch, n)), part AS (SELECT n, gap.* FROM asked "            \
		"CROSS JOIN LATERAL (SELECT first, first + count AS next, cause, holder, "         \
		"uuid, received, true AS there FROM gap WHERE gap.epoch = asked.epoch "            \
		"ORDER BY first) AS gap UNION ALL SELECT notice.*, $8::bigint, false FROM "        \
		"unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::integer[], "                 \
		"$6::uuid[], $7::uuid[]) AS notice), met AS (SELECT *, max(next) OVER "            \
		"(PARTITION BY n, cause, holder ORDER BY first, there DESC, uuid ROWS "            \
		"BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach FROM part), placed "        \
		"AS (SELECT *, count(*) FILTER (WHERE reach < first) OVER (PARTITION BY n, "       \
		"cause, holder ORDER BY first, there DESC, uuid) AS place FROM met), whole "       \
		"AS MATERIALIZED (SELECT n, cause, holder, min(first) AS first, max(next) "        \
		"AS next, max(received) AS received, (array_agg(uuid ORDER BY first, "             \
		"uuid))[1] AS uuid, array_agg(uuid ORDER BY first, uuid) FILTER (WHERE "           \
		"there) AS old FROM placed GROUP BY n, cause, holder, place HAVING "               \
		"(count(*) FILTER (WHERE there), min(first) FILTER (WHERE there), "                \
		"max(next) FILTER (WHERE there)) IS DISTINCT FROM (1, min(first), "                \
		"max(next))), gone AS (DELETE FROM gap USING whole WHERE gap.uuid = ANY "          \
		"(old[2:])), grown AS (UPDATE gap SET first = whole.first, count = "               \
		"whole.next - whole.first, received = whole.received FROM whole WHERE "            \
		"gap.uuid = old[1] RETURNING gap.epoch, whole.next), made AS (INSERT INTO "        \
		"gap (uuid, epoch, first, count, cause, holder, received) SELECT uuid, "           \
		"epoch, first, next - first, cause, holder, received FROM whole JOIN asked "       \
		"USING (n) WHERE old IS NULL ON CONFLICT DO NOTHING RETURNING epoch, first "       \
		"+ count AS next) SELECT n, max(next) FROM (SELECT * FROM grown UNION ALL "        \
		"SELECT * FROM made) AS changed JOIN asked USING (epoch) GROUP BY n")              \
	X(RECORD_COPY, "store records",                                                            \
		"COPY record (id, epoch, number, origin, name, time, received, kind, severity, "   \
		"state, value, whole, words, unit, body, attributes) FROM STDIN (FORMAT binary)")  \
	X(RECORD_NEWEST, "look for the newest record",                                             \
		"SELECT coalesce((SELECT received FROM record ORDER BY id DESC LIMIT 1), -1)")     \
	X(RECORD_OLD, "look for old records",                                                      \
		"SELECT max(id) FILTER (WHERE received < $2::bigint), "                            \
		"max(received) FILTER (WHERE received < $2::bigint AND received <= $4::bigint), "  \
		"count(*), max(id) FROM (SELECT id, received, bool_and(received < $2::bigint "     \
		"OR received > $4::bigint) OVER (ORDER BY id) AS old FROM (SELECT id, received "   \
		"FROM record WHERE id > $1::bigint AND id < (SELECT max(id) FROM record) "         \
		"ORDER BY id LIMIT $3::bigint) AS slice) AS judged WHERE old")                     \
	X(RECORD_RETIRE, "retire records",                                                         \
		"WITH gone AS (DELETE FROM record WHERE id > $1::bigint AND id <= least("          \
		"$2::bigint, (SELECT max(id) FROM (SELECT id FROM record WHERE id > $1::bigint "   \
		"ORDER BY id LIMIT $3::bigint) AS slice)) RETURNING id) "                          \
		"SELECT count(*), max(id) FROM gone")                                              \
	X(RECORD_ENDS, "measure the records", YETT_PG_ENDS("record", YETT_PG_FILES("record")))     \
	X(RECORD_WEIGH, "measure the records", YETT_PG_WEIGH("record", YETT_PG_RECORD_BYTES))      \
	X(RECORD_EXCESS, "measure the records",                                                    \
		"SELECT count(*) FROM (SELECT sum(bytes) OVER (ORDER BY id) - bytes AS before "    \
		"FROM (SELECT id, $4::bigint + " YETT_PG_RECORD_BYTES " AS bytes FROM record "     \
		"WHERE id > $1::bigint ORDER BY id LIMIT $3::bigint) AS oldest) AS summed "        \
		"WHERE before < $2::bigint")                                                       \
	X(DEAD_MAKE, "keep a dead letter",                                                         \
		"INSERT INTO dead_letter (epoch, first, count, crc, received, gateway, meta, "     \
		"batch, cause) VALUES ($1::bigint, $2::bigint, $3::bigint, $4::bigint, "           \
		"$5::bigint, $6, $7, $8, $9) ON CONFLICT DO NOTHING")                              \
	X(DEAD_START, "read dead letters",                                                         \
		"SELECT min(id) FROM (SELECT id FROM dead_letter WHERE $1::bigint = 0 OR "         \
		"id = $1::bigint ORDER BY id DESC LIMIT $2::bigint) AS newest")                    \
	X(DEAD_LIST, "read dead letters",                                                          \
		"SELECT dead_letter.id, origin.uuid, origin.name, epoch.ordinal, epoch.lane, "     \
		"dead_letter.first, dead_letter.count, dead_letter.cause, dead_letter.gateway, "   \
		"dead_letter.received, dead_letter.batch FROM dead_letter "                        \
		"JOIN epoch ON epoch.id = dead_letter.epoch "                                      \
		"JOIN origin ON origin.id = epoch.origin WHERE dead_letter.id >= $1::bigint "      \
		"ORDER BY dead_letter.id LIMIT $2::bigint")                                        \
	X(DEAD_NEWEST, "read dead letters",                                                        \
		"SELECT dead_letter.id, origin.uuid, origin.name, epoch.ordinal, epoch.lane, "     \
		"dead_letter.first, dead_letter.count, dead_letter.cause, dead_letter.gateway, "   \
		"dead_letter.received, NULL FROM dead_letter "                                     \
		"JOIN epoch ON epoch.id = dead_letter.epoch "                                      \
		"JOIN origin ON origin.id = epoch.origin WHERE dead_letter.id IN "                 \
		"(SELECT max(newest.id) FROM (SELECT id, epoch, received FROM dead_letter "        \
		"ORDER BY id DESC LIMIT 10000) AS newest JOIN epoch ON epoch.id = newest.epoch "   \
		"WHERE newest.received >= $1::bigint GROUP BY epoch.origin) "                      \
		"ORDER BY dead_letter.id")                                                         \
	X(DEAD_FIND, "look for a dead letter",                                                     \
		"SELECT epoch, first, count, received, gateway, batch, cause FROM dead_letter "    \
		"WHERE id = $1::bigint")                                                           \
	X(DEAD_DELETE, "replay a dead letter", "DELETE FROM dead_letter WHERE id = $1::bigint")    \
	X(DEAD_CAUSE, "note why a dead letter is one",                                             \
		"UPDATE dead_letter SET cause = $2 WHERE id = $1::bigint")                         \
	X(FORK_MAKE, "keep a fork",                                                                \
		"INSERT INTO fork (epoch, first, count, crc, received, gateway, meta, batch) "     \
		"VALUES ($1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6, $7, $8) " \
		"ON CONFLICT DO NOTHING")                                                          \
	X(FORK_LIST, "read forks",                                                                 \
		"SELECT origin.uuid, origin.name, max(newest.gateway), count(*), "                 \
		"max(newest.received) FROM (SELECT epoch, received, gateway FROM fork "            \
		"ORDER BY id DESC LIMIT 10000) AS newest JOIN epoch ON epoch.id = newest.epoch "   \
		"JOIN origin ON origin.id = epoch.origin WHERE newest.received >= $1::bigint "     \
		"GROUP BY origin.id ORDER BY origin.id")                                           \
	X(DEAD_RETIRE, "retire dead letters",                                                      \
		"DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter ORDER BY id "     \
		"LIMIT $2::bigint) AND received < $1::bigint")                                     \
	X(FORK_RETIRE, "retire forks",                                                             \
		"DELETE FROM fork WHERE id IN (SELECT id FROM fork ORDER BY id "                   \
		"LIMIT $2::bigint) AND received < $1::bigint")                                     \
	X(DEAD_ENDS, "measure dead letters", YETT_PG_ENDS("dead_letter", YETT_PG_RAW_FILES))       \
	X(DEAD_WEIGH, "measure dead letters", YETT_PG_WEIGH("dead_letter", YETT_PG_RAW_BYTES))     \
	X(FORK_ENDS, "measure forks", YETT_PG_ENDS("fork", YETT_PG_RAW_FILES))                     \
	X(FORK_WEIGH, "measure forks", YETT_PG_WEIGH("fork", YETT_PG_RAW_BYTES))                   \
	X(TIDY_LOCK, "begin to tidy",                                                              \
		"SELECT pg_try_advisory_xact_lock(hashtextextended('yett ' || current_schema(), "  \
		"0)), (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint")               \
	X(POSITION_SET, "keep a position",                                                         \
		"INSERT INTO position (key, value) VALUES ($1, $2) "                               \
		"ON CONFLICT (key) DO UPDATE SET value = excluded.value")                          \
	X(POSITION_LIST, "read positions",                                                         \
		"SELECT key, value FROM position WHERE starts_with(key, $1) ORDER BY key")         \
	X(REGISTRY_PUT, "write to the registry",                                                   \
		"WITH present AS (SELECT revision FROM registry WHERE tbl = $1 AND key = $2 "      \
		"AND json IS NOT NULL), "                                                          \
		"judged AS (SELECT coalesce((SELECT revision FROM present), 0) AS revision, "      \
		"$3::text IS NULL OR is_json($3::text) AS valid), "                                \
		"done AS (INSERT INTO registry (tbl, key, json, revision, modified) "              \
		"SELECT $1, $2, $3::text::json, $4::bigint, $6::bigint FROM judged WHERE valid "   \
		"AND ($5::bigint = -1 OR $5::bigint = revision) "                                  \
		"AND ($3::text IS NOT NULL OR EXISTS (SELECT FROM present)) "                      \
		"ON CONFLICT (tbl, key) DO UPDATE SET json = excluded.json, "                      \
		"revision = excluded.revision, modified = excluded.modified RETURNING 1) "         \
		"SELECT revision, valid, (SELECT count(*) FROM done) FROM judged")                 \
	X(REGISTRY_LIST, "read the registry",                                                      \
		"SELECT key, json, revision FROM registry WHERE tbl = $1 "                         \
		"AND ($2::text IS NULL OR key = $2) AND json IS NOT NULL ORDER BY key")            \
	X(REGISTRY_SINCE, "read the registry",                                                     \
		"SELECT tbl, key, json, change.revision, store.revision FROM store LEFT JOIN "     \
		"(SELECT * FROM registry WHERE revision > $1::bigint ORDER BY revision LIMIT "     \
		"500) "                                                                            \
		"AS change ON true ORDER BY change.revision")                                      \
	X(REGISTRY_TIDY, "tidy the registry",                                                      \
		"DELETE FROM registry WHERE json IS NULL AND modified < $1::bigint")               \
	X(STATS, "read figures",                                                                   \
		"SELECT generation, store_id, coalesce((SELECT max(id) FROM record) - "            \
		"(SELECT min(id) FROM record) + 1, 0), (SELECT count(*) FROM dead_letter), "       \
		"(SELECT count(*) FROM fork), (SELECT sum(pg_total_relation_size(oid))::bigint "   \
		"FROM pg_class WHERE relkind = 'r' AND relnamespace = (SELECT oid FROM "           \
		"pg_namespace WHERE nspname = current_schema())) FROM store")                      \
	X(ACCOUNT, "read the account",                                                             \
		"SELECT " YETT_PG_EPOCH_COLUMNS ", origin.uuid, origin.name, sums.* "              \
		"FROM (SELECT * FROM epoch WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint) "   \
		"AS epoch JOIN origin ON origin.id = epoch.origin "                                \
		"LEFT JOIN LATERAL sums(epoch.id, epoch.oldest, "                                  \
		"greatest(epoch.highest + 1, epoch.next)) AS sums ON epoch.state <> 2 "            \
		"ORDER BY epoch.id")                                                               \
	X(LOSSES, "read what is lost",                                                             \
		"SELECT epoch.id, origin.uuid, epoch.ordinal, epoch.random, epoch.lane, "          \
		"lost.first, lost.next - lost.first, lost.cause, lost.uuid, "                      \
		"coalesce(lost.holder, (SELECT uuid FROM origin AS custodian "                     \
		"WHERE custodian.name = epoch.gateway ORDER BY id DESC LIMIT 1), origin.uuid) "    \
		"FROM (SELECT * FROM epoch WHERE id > $1::bigint AND (state <> 2 OR "              \
		"declared + inferred > 0) ORDER BY id LIMIT $2::bigint) AS epoch "                 \
		"JOIN origin ON origin.id = epoch.origin "                                         \
		"CROSS JOIN LATERAL lost(epoch.id, epoch.oldest, "                                 \
		"greatest(epoch.highest + 1, epoch.next)) AS lost ORDER BY epoch.id, lost.first")  \
	X(LOSSES_NEXT, "read what is lost",                                                        \
		"SELECT max(id) FROM (SELECT id FROM epoch WHERE id > $1::bigint AND "             \
		"(state <> 2 OR declared + inferred > 0) ORDER BY id LIMIT $2::bigint) AS page")

enum yett_pg_statement {
#define YETT_PG_STATEMENT_ENUM(name, doing, sql) YETT_PG_##name##_STATEMENT,
	YETT_PG_STATEMENTS(YETT_PG_STATEMENT_ENUM)
#undef YETT_PG_STATEMENT_ENUM
		YETT_PG_STATEMENTS_COUNT,
};

#endif
