/* The control messages of an open session: ACK, CREDIT, PATH, ATTACH, DETACH, HEARTBEAT, PING and
 * PONG (doc/protocol.cddl).
 *
 * Responsible for: their keys, limits and required fields. Not for: when they are legal
 * (session.c), nor what they mean (flow).
 * Threads: any; pure. Ownership: decoded structs hold copies; the large ones belong on the heap.
 * Failure: encoding has none; decoding is YETT_EPROTO or YETT_ELIMIT. */
#include "cbor.h"
#include "frame.h"
#include "message.h"

#define K YETT_CBOR_KEY

enum {
	ACK_RANGES = 1,
	ACK_REFUSALS = 2,
};

void yett_ack_encode(const struct yett_ack *message, GByteArray *to)
{
	guint start = yett_frame_begin(to);

	YETT_REQUIRE(message->range_count <= YETT_ACK_RANGES_MAX);
	YETT_REQUIRE(message->refusal_count <= YETT_ACK_REFUSALS_MAX);
	yett_cbor_put_map(to, (message->range_count > 0) + (message->refusal_count > 0));
	if (message->range_count > 0) {
		yett_cbor_put_uint(to, ACK_RANGES);
		yett_cbor_put_array(to, 2 * message->range_count);
		for (uint32_t i = 0; i < message->range_count; i++) {
			yett_cbor_put_uint(to, message->ranges[i].first);
			yett_cbor_put_uint(to, message->ranges[i].last);
		}
	}
	if (message->refusal_count > 0) {
		yett_cbor_put_uint(to, ACK_REFUSALS);
		yett_cbor_put_array(to, 3 * message->refusal_count);
		for (uint32_t i = 0; i < message->refusal_count; i++) {
			yett_cbor_put_uint(to, message->refusals[i].number);
			yett_cbor_put_uint(to, message->refusals[i].code);
			yett_cbor_put_uint(to, message->refusals[i].retry_after_ms);
		}
	}
	yett_frame_end(to, start, YETT_FRAME_ACK);
}

/* How many groups of `size` items an array holds. */
static uint32_t groups(struct yett_cbor *cbor, uint32_t size, uint32_t max)
{
	uint32_t count = yett_cbor_array(cbor, size * max);

	if (count % size != 0) {
		yett_cbor_fail(cbor, YETT_EPROTO);
	}
	return count / size;
}

static void read_ranges(struct yett_cbor *cbor, struct yett_ack *message)
{
	message->range_count = groups(cbor, 2, YETT_ACK_RANGES_MAX);
	for (uint32_t i = 0; i < message->range_count; i++) {
		struct yett_ack_range *range = &message->ranges[i];

		range->first = yett_cbor_uint(cbor, UINT64_MAX);
		range->last = yett_cbor_uint(cbor, UINT64_MAX);
		if (range->first == 0 || range->first > range->last) {
			yett_cbor_fail(cbor, YETT_EPROTO);
		}
	}
}

static void read_refusals(struct yett_cbor *cbor, struct yett_ack *message)
{
	message->refusal_count = groups(cbor, 3, YETT_ACK_REFUSALS_MAX);
	for (uint32_t i = 0; i < message->refusal_count; i++) {
		struct yett_ack_refusal *refusal = &message->refusals[i];

		refusal->number = yett_cbor_uint(cbor, UINT64_MAX);
		refusal->code = (uint32_t)yett_cbor_uint(cbor, UINT32_MAX);
		refusal->retry_after_ms = (uint32_t)yett_cbor_uint(cbor, UINT32_MAX);
		if (refusal->number == 0) {
			yett_cbor_fail(cbor, YETT_EPROTO);
		}
	}
}

int yett_ack_decode(const uint8_t *bytes, size_t length, struct yett_ack *ret_message)
{
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	ret_message->range_count = 0;
	ret_message->refusal_count = 0;
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		switch (key) {
		case ACK_RANGES:
			read_ranges(&cbor, ret_message);
			break;
		case ACK_REFUSALS:
			read_refusals(&cbor, ret_message);
			break;
		default:
			yett_cbor_skip(&cbor);
		}
	}
	return yett_cbor_finish(&cbor);
}

enum {
	CREDIT_GRANTED = 1,
	CREDIT_WANTED = 2,
};

static bool any(const uint64_t lanes[YETT_LANES])
{
	return lanes[YETT_LANE_URGENT] != 0 || lanes[YETT_LANE_NORMAL] != 0 ||
	       lanes[YETT_LANE_BULK] != 0;
}

static void put_lanes(GByteArray *to, uint64_t key, const uint64_t lanes[YETT_LANES])
{
	if (!any(lanes)) {
		return;
	}
	yett_cbor_put_uint(to, key);
	yett_cbor_put_array(to, YETT_LANES);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		yett_cbor_put_uint(to, lanes[lane]);
	}
}

static void read_lanes(struct yett_cbor *cbor, uint64_t ret_lanes[YETT_LANES])
{
	if (yett_cbor_array(cbor, YETT_LANES) != YETT_LANES) {
		yett_cbor_fail(cbor, YETT_EPROTO);
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		ret_lanes[lane] = yett_cbor_uint(cbor, UINT64_MAX);
	}
}

void yett_credit_encode(const struct yett_credit *message, GByteArray *to)
{
	guint start = yett_frame_begin(to);

	yett_cbor_put_map(to, any(message->granted) + any(message->wanted));
	put_lanes(to, CREDIT_GRANTED, message->granted);
	put_lanes(to, CREDIT_WANTED, message->wanted);
	yett_frame_end(to, start, YETT_FRAME_CREDIT);
}

int yett_credit_decode(const uint8_t *bytes, size_t length, struct yett_credit *ret_message)
{
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	memset(ret_message, 0, sizeof(*ret_message));
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		switch (key) {
		case CREDIT_GRANTED:
			read_lanes(&cbor, ret_message->granted);
			break;
		case CREDIT_WANTED:
			read_lanes(&cbor, ret_message->wanted);
			break;
		default:
			yett_cbor_skip(&cbor);
		}
	}
	return yett_cbor_finish(&cbor);
}

static void put_ids(GByteArray *to, const struct yett_id *ids, uint32_t count)
{
	yett_cbor_put_array(to, count);
	for (uint32_t i = 0; i < count; i++) {
		yett_cbor_put_id(to, &ids[i]);
	}
}

static uint32_t read_ids(struct yett_cbor *cbor, struct yett_id *ret_ids, uint32_t max)
{
	uint32_t count = yett_cbor_array(cbor, max);

	for (uint32_t i = 0; i < count; i++) {
		yett_cbor_id(cbor, &ret_ids[i]);
	}
	return count;
}

enum {
	PATH_OPEN = 1,
	PATH_IDS = 2,
};

void yett_path_encode(const struct yett_path *message, GByteArray *to)
{
	guint start = yett_frame_begin(to);

	YETT_REQUIRE(message->count <= YETT_PATH_MAX);
	yett_cbor_put_map(to, 2);
	yett_cbor_put_uint(to, PATH_OPEN);
	yett_cbor_put_bool(to, message->open);
	yett_cbor_put_uint(to, PATH_IDS);
	put_ids(to, message->ids, message->count);
	yett_frame_end(to, start, YETT_FRAME_PATH);
}

int yett_path_decode(const uint8_t *bytes, size_t length, struct yett_path *ret_message)
{
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	memset(ret_message, 0, sizeof(*ret_message));
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		switch (key) {
		case PATH_OPEN:
			ret_message->open = yett_cbor_bool(&cbor);
			break;
		case PATH_IDS:
			ret_message->count = read_ids(&cbor, ret_message->ids, YETT_PATH_MAX);
			break;
		default:
			yett_cbor_skip(&cbor);
		}
	}
	yett_cbor_required(&cbor, &map, K(PATH_OPEN) | K(PATH_IDS));
	if (ret_message->open && ret_message->count == 0) {
		yett_cbor_fail(&cbor, YETT_EPROTO);
	}
	return yett_cbor_finish(&cbor);
}

enum {
	ATTACH_NODES = 1,
	NODE_ID = 1,
	NODE_BOOT = 2,
	NODE_VIA = 3,
	NODE_SESSION = 4,
	NODE_LIVE = 5,
	NODE_RELAY = 6,
	NODE_NAME = 7,
	NODE_METHOD = 8,
	NODE_SOFTWARE = 9,
	NODE_ADDRESS = 10,
};
/* What a node takes at most: three ids, a number, four texts, keys and heads. */
#define NODE_BYTES_MAX   (3 * 18 + 10 + 4 + 259 + 19 + 2 * 67 + 8)
#define ATTACH_PER_FRAME ((YETT_FRAME_BODY_MAX - 8) / NODE_BYTES_MAX)

static void put_node(GByteArray *to, const struct yett_attached *node)
{
	yett_cbor_put_map(to, 10);
	yett_cbor_put_uint(to, NODE_ID);
	yett_cbor_put_id(to, &node->id);
	yett_cbor_put_uint(to, NODE_BOOT);
	yett_cbor_put_id(to, &node->boot);
	yett_cbor_put_uint(to, NODE_VIA);
	yett_cbor_put_id(to, &node->via);
	yett_cbor_put_uint(to, NODE_SESSION);
	yett_cbor_put_uint(to, node->session);
	yett_cbor_put_uint(to, NODE_LIVE);
	yett_cbor_put_bool(to, node->live);
	yett_cbor_put_uint(to, NODE_RELAY);
	yett_cbor_put_bool(to, node->relay);
	yett_cbor_put_uint(to, NODE_NAME);
	yett_cbor_put_string(to, node->name, sizeof(node->name));
	yett_cbor_put_uint(to, NODE_METHOD);
	yett_cbor_put_string(to, node->method, sizeof(node->method));
	yett_cbor_put_uint(to, NODE_SOFTWARE);
	yett_cbor_put_string(to, node->software, sizeof(node->software));
	yett_cbor_put_uint(to, NODE_ADDRESS);
	yett_cbor_put_string(to, node->address, sizeof(node->address));
}

void yett_attach_encode(const struct yett_attach *message, GByteArray *to)
{
	uint32_t done = 0;

	YETT_REQUIRE(message->count <= YETT_ATTACH_MAX);
	do {
		uint32_t count = MIN(message->count - done, ATTACH_PER_FRAME);
		guint start = yett_frame_begin(to);

		yett_cbor_put_map(to, 1);
		yett_cbor_put_uint(to, ATTACH_NODES);
		yett_cbor_put_array(to, count);
		for (uint32_t i = 0; i < count; i++) {
			put_node(to, &message->nodes[done + i]);
		}
		yett_frame_end(to, start, YETT_FRAME_ATTACH);
		done += count;
	} while (done < message->count);
}

static void read_node(struct yett_cbor *cbor, struct yett_attached *node)
{
	struct yett_cbor_map map;
	uint64_t key;

	memset(node, 0, sizeof(*node));
	yett_cbor_map(cbor, &map);
	while (yett_cbor_key(cbor, &map, &key)) {
		switch (key) {
		case NODE_ID:
			yett_cbor_id(cbor, &node->id);
			break;
		case NODE_BOOT:
			yett_cbor_id(cbor, &node->boot);
			break;
		case NODE_VIA:
			yett_cbor_id(cbor, &node->via);
			break;
		case NODE_SESSION:
			node->session = yett_cbor_uint(cbor, UINT64_MAX);
			break;
		case NODE_LIVE:
			node->live = yett_cbor_bool(cbor);
			break;
		case NODE_RELAY:
			node->relay = yett_cbor_bool(cbor);
			break;
		case NODE_NAME:
			yett_cbor_string(cbor, node->name, sizeof(node->name));
			break;
		case NODE_METHOD:
			yett_cbor_string(cbor, node->method, sizeof(node->method));
			break;
		case NODE_SOFTWARE:
			yett_cbor_string(cbor, node->software, sizeof(node->software));
			break;
		case NODE_ADDRESS:
			yett_cbor_string(cbor, node->address, sizeof(node->address));
			break;
		default:
			yett_cbor_skip(cbor);
		}
	}
	yett_cbor_required(cbor, &map,
		K(NODE_ID) | K(NODE_BOOT) | K(NODE_VIA) | K(NODE_SESSION) | K(NODE_LIVE) |
			K(NODE_NAME));
}

int yett_attach_decode(const uint8_t *bytes, size_t length, struct yett_attach *ret_message)
{
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	ret_message->count = 0;
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		if (key != ATTACH_NODES) {
			yett_cbor_skip(&cbor);
			continue;
		}
		ret_message->count = yett_cbor_array(&cbor, YETT_ATTACH_MAX);
		for (uint32_t i = 0; i < ret_message->count && cbor.result == 0; i++) {
			read_node(&cbor, &ret_message->nodes[i]);
		}
	}
	yett_cbor_required(&cbor, &map, K(ATTACH_NODES));
	return yett_cbor_finish(&cbor);
}

enum {
	DETACH_IDS = 1,
};

void yett_detach_encode(const struct yett_detach *message, GByteArray *to)
{
	guint start = yett_frame_begin(to);

	YETT_REQUIRE(message->count <= YETT_ATTACH_MAX);
	yett_cbor_put_map(to, 1);
	yett_cbor_put_uint(to, DETACH_IDS);
	put_ids(to, message->ids, message->count);
	yett_frame_end(to, start, YETT_FRAME_DETACH);
}

int yett_detach_decode(const uint8_t *bytes, size_t length, struct yett_detach *ret_message)
{
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	ret_message->count = 0;
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		if (key == DETACH_IDS) {
			ret_message->count = read_ids(&cbor, ret_message->ids, YETT_ATTACH_MAX);
		} else {
			yett_cbor_skip(&cbor);
		}
	}
	yett_cbor_required(&cbor, &map, K(DETACH_IDS));
	return yett_cbor_finish(&cbor);
}

enum {
	HEARTBEAT_WALL = 1,
	HEARTBEAT_INTERVAL = 2,
	HEARTBEAT_DEGRADED = 3,
	HEARTBEAT_NODES = 4,
};

void yett_heartbeat_encode(const struct yett_heartbeat *message, GByteArray *to)
{
	guint start = yett_frame_begin(to);

	YETT_REQUIRE(message->count <= YETT_ATTACH_MAX);
	yett_cbor_put_map(to, 3 + (message->count > 0));
	yett_cbor_put_uint(to, HEARTBEAT_WALL);
	yett_cbor_put_int(to, message->wall_ns);
	yett_cbor_put_uint(to, HEARTBEAT_INTERVAL);
	yett_cbor_put_uint(to, message->interval_s);
	yett_cbor_put_uint(to, HEARTBEAT_DEGRADED);
	yett_cbor_put_bool(to, message->degraded);
	if (message->count > 0) {
		yett_cbor_put_uint(to, HEARTBEAT_NODES);
		yett_cbor_put_array(to, 2 * message->count);
		for (uint32_t i = 0; i < message->count; i++) {
			yett_cbor_put_id(to, &message->nodes[i].id);
			yett_cbor_put_uint(to, message->nodes[i].age_ms);
		}
	}
	yett_frame_end(to, start, YETT_FRAME_HEARTBEAT);
}

static void read_heartbeats(struct yett_cbor *cbor, struct yett_heartbeat *message)
{
	message->count = groups(cbor, 2, YETT_ATTACH_MAX);
	for (uint32_t i = 0; i < message->count; i++) {
		yett_cbor_id(cbor, &message->nodes[i].id);
		message->nodes[i].age_ms = (uint32_t)yett_cbor_uint(cbor, UINT32_MAX);
	}
}

int yett_heartbeat_decode(const uint8_t *bytes, size_t length, struct yett_heartbeat *ret_message)
{
	struct yett_heartbeat *message = ret_message;
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	message->count = 0;
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		switch (key) {
		case HEARTBEAT_WALL:
			message->wall_ns = yett_cbor_int(&cbor);
			break;
		case HEARTBEAT_INTERVAL:
			message->interval_s = (uint32_t)yett_cbor_uint(&cbor, UINT32_MAX);
			break;
		case HEARTBEAT_DEGRADED:
			message->degraded = yett_cbor_bool(&cbor);
			break;
		case HEARTBEAT_NODES:
			read_heartbeats(&cbor, message);
			break;
		default:
			yett_cbor_skip(&cbor);
		}
	}
	yett_cbor_required(
		&cbor, &map, K(HEARTBEAT_WALL) | K(HEARTBEAT_INTERVAL) | K(HEARTBEAT_DEGRADED));
	return yett_cbor_finish(&cbor);
}

enum {
	PING_TOKEN = 1,
};

void yett_ping_encode(const struct yett_ping *message, int type, GByteArray *to)
{
	guint start = yett_frame_begin(to);

	yett_cbor_put_map(to, 1);
	yett_cbor_put_uint(to, PING_TOKEN);
	yett_cbor_put_uint(to, message->token);
	yett_frame_end(to, start, type);
}

int yett_ping_decode(const uint8_t *bytes, size_t length, struct yett_ping *ret_message)
{
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		if (key == PING_TOKEN) {
			ret_message->token = yett_cbor_uint(&cbor, UINT64_MAX);
		} else {
			yett_cbor_skip(&cbor);
		}
	}
	yett_cbor_required(&cbor, &map, K(PING_TOKEN));
	return yett_cbor_finish(&cbor);
}
