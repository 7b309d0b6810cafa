/* The statements that are prepared once per connection. */
#ifndef STORE_SQLITE_STATEMENTS_H
#define STORE_SQLITE_STATEMENTS_H

#define YETT_SQLITE_EPOCH_COLUMNS                                                                  \
	"epoch.id, epoch.origin, epoch.ordinal, epoch.random, epoch.lane, epoch.state, "           \
	"epoch.oldest, epoch.next, epoch.closed, epoch.received, epoch.highest, epoch.pieces, "    \
	"epoch.runs, epoch.metrics, epoch.events, epoch.states, epoch.forks, epoch.dead, "         \
	"epoch.declared, epoch.inferred, epoch.changed, epoch.gateway"
#define YETT_SQLITE_EPOCH_COLUMN_COUNT 22

#define YETT_SQLITE_STATEMENTS(X)                                                                  \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                \
	X(BEGIN_READ, "BEGIN")                                                                     \
	X(COMMIT, "COMMIT")                                                                        \
	X(ROLLBACK, "ROLLBACK")                                                                    \
	X(DATA_VERSION, "PRAGMA data_version")                                                     \
	X(META_GET, "SELECT value FROM meta WHERE key = ?1")                                       \
	X(META_SET, "INSERT INTO meta (key, value) VALUES (?1, ?2) "                               \
		    "ON CONFLICT (key) DO UPDATE SET value = excluded.value")                      \
	X(ORIGIN_FIND, "SELECT id FROM origin WHERE uuid = ?1")                                    \
	X(ORIGIN_MAKE, "INSERT INTO origin (uuid) VALUES (?1)")                                    \
	X(ORIGIN_BY_NAME, "SELECT uuid FROM origin WHERE name = ?1 ORDER BY id DESC LIMIT 1")      \
	X(NODE_NAME, "INSERT INTO origin (uuid, name) "                                            \
		     "SELECT lower(json_extract(?1, '$.id')), json_extract(?1, '$.name') "         \
		     "WHERE json_type(?1, '$.id') = 'text' AND json_type(?1, '$.name') = 'text' "  \
		     "AND length(json_extract(?1, '$.id')) = 36 "                                  \
		     "AND json_extract(?1, '$.name') <> '' "                                       \
		     "ON CONFLICT (uuid) DO UPDATE SET name = excluded.name "                      \
		     "WHERE name IS NOT excluded.name")                                            \
	X(NAME_FIND, "SELECT id FROM name WHERE text = ?1")                                        \
	X(NAME_MAKE, "INSERT INTO name (text) VALUES (?1)")                                        \
	X(NAME_SWEEP_END,                                                                          \
		"SELECT max(id) FROM (SELECT id FROM name WHERE id > ?1 ORDER BY id LIMIT 500)")   \
	X(NAME_SWEEP, "DELETE FROM name WHERE id > ?1 AND id <= ?2 AND NOT EXISTS "                \
		      "(SELECT 1 FROM record WHERE record.name = name.id)")                        \
	X(EPOCH_FIND, "SELECT " YETT_SQLITE_EPOCH_COLUMNS " FROM epoch WHERE origin = ?1 "         \
		      "AND ordinal = ?2 AND random = ?3 AND lane = ?4")                            \
	X(EPOCH_MAKE, "INSERT INTO epoch (origin, ordinal, random, lane, changed) "                \
		      "VALUES (?1, ?2, ?3, ?4, 0)")                                                \
	X(EPOCH_STATE, "UPDATE epoch SET state = ?2 WHERE id = ?1")                                \
	X(EPOCH_OPEN_COUNT, "SELECT CASE WHEN EXISTS (SELECT 1 FROM epoch WHERE origin = ?1 "      \
			    "AND ordinal = ?2 AND random = ?3 AND state = 1) THEN 0 ELSE "         \
			    "(SELECT count(*) FROM (SELECT DISTINCT ordinal, random FROM epoch "   \
			    "WHERE origin = ?1 AND state = 1 LIMIT ?4)) END")                      \
	X(EPOCH_QUIET, "SELECT ordinal, random FROM (SELECT ordinal, random, changed FROM epoch "  \
		       "WHERE origin = ?1 AND state = 1 AND ordinal < ?3 "                         \
		       "ORDER BY ordinal, random LIMIT ?4) GROUP BY ordinal, random "              \
		       "HAVING max(changed) < ?2 ORDER BY ordinal, random LIMIT 1")                \
	/* Those that are open, and the newest: many old ones cost nothing. */                     \
	X(EPOCH_EARLIER, "SELECT ordinal, random FROM epoch WHERE id IN (SELECT id FROM epoch "    \
			 "WHERE origin = ?1 AND state = 1 AND ordinal > 0 AND ordinal < ?2 "       \
			 "UNION SELECT id FROM (SELECT id FROM epoch WHERE origin = ?1 "           \
			 "AND ordinal > 0 AND ordinal < ?2 ORDER BY ordinal DESC LIMIT ?4)) "      \
			 "AND lane = ?3 AND closed = 0")                                           \
	X(EPOCH_TOLD, "SELECT lane, max(ordinal) FROM epoch WHERE origin = ?1 AND state = 1 "      \
		      "AND ordinal > 0 AND closed = 0 AND next > 0 GROUP BY lane")                 \
	X(EPOCH_WRITE, "UPDATE epoch SET state = ?2, oldest = ?3, next = ?4, closed = ?5, "        \
		       "received = ?6, highest = ?7, pieces = ?8, runs = ?9, metrics = ?10, "      \
		       "events = ?11, states = ?12, forks = ?13, dead = ?14, declared = ?15, "     \
		       "inferred = ?16, changed = ?17, gateway = ?18 WHERE id = ?1")               \
	X(PIECE_BELOW, "SELECT first, count, crc FROM piece WHERE epoch = ?1 AND first < ?2 "      \
		       "ORDER BY first DESC")                                                      \
	X(PIECE_ALL, "SELECT first, count FROM piece WHERE epoch = ?1 ORDER BY first")             \
	X(PIECE_MAKE, "INSERT INTO piece (epoch, first, count, crc) VALUES (?1, ?2, ?3, ?4)")      \
	X(PIECE_FOLD, "DELETE FROM piece WHERE epoch = ?1 AND first < ?2")                         \
	X(PIECE_NTH, "SELECT first FROM piece WHERE epoch = ?1 ORDER BY first DESC "               \
		     "LIMIT 1 OFFSET ?2")                                                          \
	X(RUN_BELOW, "SELECT first, next FROM folded WHERE epoch = ?1 AND first < ?2 "             \
		     "ORDER BY first DESC LIMIT 1")                                                \
	X(RUN_AT, "SELECT next FROM folded WHERE epoch = ?1 AND first = ?2")                       \
	X(RUN_ALL, "SELECT first, next FROM folded WHERE epoch = ?1 ORDER BY first")               \
	X(RUN_DELETE, "DELETE FROM folded WHERE epoch = ?1 AND first = ?2")                        \
	X(RUN_WRITE, "INSERT INTO folded (epoch, first, next) VALUES (?1, ?2, ?3) "                \
		     "ON CONFLICT (epoch, first) DO UPDATE SET next = excluded.next")              \
	X(GAP_MAKE, "INSERT OR IGNORE INTO gap (uuid, epoch, first, count, cause, holder, "        \
		    "received) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                               \
	X(GAP_ROWS, "SELECT uuid, first, count, cause, holder, received FROM gap "                 \
		    "WHERE epoch = ?1 ORDER BY first LIMIT ?2")                                    \
	X(GAP_GROW, "UPDATE gap SET first = ?2, count = ?3, received = ?4 WHERE uuid = ?1")        \
	X(GAP_DELETE, "DELETE FROM gap WHERE uuid = ?1")                                           \
	X(GAP_ALL, "SELECT first, count, cause, uuid, holder FROM gap WHERE epoch = ?1 "           \
		   "ORDER BY first, count DESC")                                                   \
	X(RECORD_LAST, "SELECT max(id) FROM record")                                               \
	X(RECORD_MAKE,                                                                             \
		"INSERT INTO record (id, origin, epoch, number, kind, time, received, name, "      \
		"severity, state, value, unit, body, attributes) "                                 \
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)")            \
	X(RECORD_UNDO, "DELETE FROM record WHERE id >= ?1")                                        \
	X(RECORD_ENDS, "SELECT (SELECT min(id) FROM record), (SELECT max(id) FROM record)")        \
	X(RECORD_WEIGH, "SELECT count(*), total(length) FROM (SELECT "                             \
			"coalesce(length(CAST(value AS BLOB)), 0) + coalesce(length(unit), 0) + "  \
			"coalesce(length(CAST(body AS BLOB)), 0) + "                               \
			"coalesce(length(CAST(attributes AS BLOB)), 0) AS length "                 \
			"FROM record WHERE id >= ?1 ORDER BY id LIMIT ?2)")                        \
	X(RECORD_NEWEST, "SELECT received FROM record ORDER BY id DESC LIMIT 1")                   \
	X(RECORD_OLD, "SELECT id, received FROM record WHERE id > ?2 "                             \
		      "AND id < (SELECT max(id) FROM record) ORDER BY id LIMIT ?1")                \
	X(RECORD_RETIRE, "DELETE FROM record WHERE id <= min(?1, (SELECT max(id) FROM "            \
			 "(SELECT id FROM record ORDER BY id LIMIT ?2)))")                         \
	X(DEAD_MAKE,                                                                               \
		"INSERT OR IGNORE INTO dead_letter (epoch, first, count, crc, received, cause, "   \
		"gateway, meta, batch) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")               \
	X(DEAD_FIND, "SELECT epoch, first, count, received, gateway, batch, cause "                \
		     "FROM dead_letter WHERE id = ?1")                                             \
	X(DEAD_DELETE, "DELETE FROM dead_letter WHERE id = ?1")                                    \
	X(DEAD_CAUSE, "UPDATE dead_letter SET cause = ?2 WHERE id = ?1")                           \
	X(FORK_MAKE,                                                                               \
		"INSERT OR IGNORE INTO fork (epoch, first, count, crc, received, gateway, meta, "  \
		"batch) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                                  \
	X(DEAD_RETIRE, "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter "          \
		       "ORDER BY id LIMIT ?2) AND received < ?1")                                  \
	X(FORK_RETIRE, "DELETE FROM fork WHERE id IN (SELECT id FROM fork ORDER BY id LIMIT ?2) "  \
		       "AND received < ?1")                                                        \
	X(POSITION_SET, "INSERT INTO position (key, value) VALUES (?1, ?2) "                       \
			"ON CONFLICT (key) DO UPDATE SET value = excluded.value")                  \
	X(REGISTRY_GET, "SELECT revision FROM registry WHERE tbl = ?1 AND key = ?2")               \
	X(JSON_VALID, "SELECT json_valid(?1)")                                                     \
	X(REGISTRY_SET, "INSERT INTO registry (tbl, key, json, revision, modified) "               \
			"VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tbl, key) DO UPDATE SET "        \
			"json = excluded.json, revision = excluded.revision, "                     \
			"modified = excluded.modified")                                            \
	X(REGISTRY_DELETE, "DELETE FROM registry WHERE tbl = ?1 AND key = ?2")                     \
	X(GONE_SET, "INSERT INTO gone (tbl, key, revision) VALUES (?1, ?2, ?3) "                   \
		    "ON CONFLICT (tbl, key) DO UPDATE SET revision = excluded.revision")           \
	X(GONE_DELETE, "DELETE FROM gone WHERE tbl = ?1 AND key = ?2")                             \
	X(STATS, "SELECT coalesce((SELECT max(id) FROM record) - (SELECT min(id) FROM record) "    \
		 "+ 1, 0), (SELECT count(*) FROM dead_letter), (SELECT count(*) FROM fork)")       \
	X(PAGES, "SELECT page_count, page_size, freelist_count FROM pragma_page_count(), "         \
		 "pragma_page_size(), pragma_freelist_count()")

enum yett_sqlite_statement {
#define YETT_SQLITE_STATEMENT_ENUM(name, sql) YETT_SQLITE_##name##_STATEMENT,
	YETT_SQLITE_STATEMENTS(YETT_SQLITE_STATEMENT_ENUM)
#undef YETT_SQLITE_STATEMENT_ENUM
		YETT_SQLITE_STATEMENTS_COUNT,
};

#endif
