/* payload_games.c: game servers: what their browsers and clients ask first. */
#include "payload_rows.h"

/* id Tech and Source packets that belong to no connection begin with this, as sequence number -1. */
#define CONNECTIONLESS   "\xff\xff\xff\xff"
#define QUAKE3_CHALLENGE "nscan"

static size_t build_quake3(uint8_t *out, const char *command)
{
	struct request r = {out, 0};

	add_text(&r, CONNECTIONLESS);
	add_text(&r, command);
	add_text(&r, " " QUAKE3_CHALLENGE);
	add_u8(&r, 0);
	return r.n;
}

/* ioquake3 code/server/sv_main.c: SVC_Info: name, map, players in one line, with our challenge in it. */
static size_t build_quake3_info(uint8_t *out)
{
	return build_quake3(out, "getinfo");
}

/* SVC_Status: all settings and all players. */
static size_t build_quake3_status(uint8_t *out)
{
	return build_quake3(out, "getstatus");
}

static enum answer judge_quake3(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	if (!starts_with(data, n, CONNECTIONLESS "infoResponse") &&
	    !starts_with(data, n, CONNECTIONLESS "statusResponse"))
		return ANSWER_UNKNOWN;
	return holds_text(data, n, "\\challenge\\" QUAKE3_CHALLENGE) ? ANSWER_FITS : ANSWER_FOREIGN;
}

/* Valve's description of Server Queries, A2S_INFO. */
static size_t build_a2s_info(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, CONNECTIONLESS "TSource Engine Query");
	add_u8(&r, 0);
	return r.n;
}

/* The answer; GoldSrc's older one; or a challenge to ask again with, which shows the server as well. */
static enum answer judge_a2s(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	return judge_form(
	        (n > 6 && (starts_with(data, n, CONNECTIONLESS "I") || starts_with(data, n, CONNECTIONLESS "m"))) ||
	        (n == 9 && starts_with(data, n, CONNECTIONLESS "A")));
}

/* RakNet's offline messages (RakNet manual, "MessageIdentifiers.h"); Minecraft Bedrock answers them. */
enum { RAKNET_UNCONNECTED_PING = 0x01, RAKNET_UNCONNECTED_PONG = 0x1c };

static const uint8_t raknet_time[6] = {0, 0, 'n', 's', 'c', 'n'}; /* and the nonce */
static const uint8_t raknet_magic[16] = {0x00, 0xff, 0xff, 0x00, 0xfe, 0xfe, 0xfe, 0xfe,
                                         0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78};

static size_t build_raknet(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, RAKNET_UNCONNECTED_PING);
	add_bytes(&r, raknet_time, sizeof(raknet_time));
	add_u16(&r, 0); /* the nonce */
	add_bytes(&r, raknet_magic, sizeof(raknet_magic));
	add_text(&r, "nscan-01"); /* our id */
	return r.n;
}

static enum answer judge_raknet(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t type = cursor_u8(&c);
	bool ours = cursor_is(&c, raknet_time, sizeof(raknet_time)) && cursor_u16(&c) == nonce;
	bool pong;

	cursor_take(&c, 8); /* the server's id */
	pong = type == RAKNET_UNCONNECTED_PONG && cursor_is(&c, raknet_magic, sizeof(raknet_magic));
	return judge_id(pong, pong && ours);
}

/* Minetest's protocol.txt, connection.h: a packet of a peer that has no id yet is answered with one. */
#define MINETEST_PROTOCOL 0x4f457403u
enum { MINETEST_NO_PEER = 0, MINETEST_SERVER = 1, MINETEST_ORIGINAL = 1 };

static size_t build_minetest(uint8_t *out)
{
	struct request r = {out, 0};

	add_u32(&r, MINETEST_PROTOCOL);
	add_u16(&r, MINETEST_NO_PEER);
	add_u8(&r, 0); /* channel */
	add_u8(&r, MINETEST_ORIGINAL);
	return r.n;
}

static enum answer judge_minetest(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint32_t protocol = cursor_u32(&c);
	uint16_t sender = cursor_u16(&c);

	(void)nonce;
	cursor_take(&c, 2); /* channel, type */
	return judge_form(c.ok && protocol == MINETEST_PROTOCOL && sender == MINETEST_SERVER);
}

/* Teeworlds 0.7, src/engine/shared/network.h: flags and acknowledgement, chunks, token; then the control message. */
enum { TEEWORLDS_CONTROL = 1 << 2, TEEWORLDS_TOKEN = 5, TEEWORLDS_HEADER_BYTES = 7, TEEWORLDS_REQUEST_BYTES = 512 };
#define TEEWORLDS_NO_TOKEN 0xffffffffu
#define TEEWORLDS_OURS     0x6e730000u

/* A client asks for the server's token in a packet far longer than the answer, which is addressed to our token. */
static size_t build_teeworlds(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, TEEWORLDS_CONTROL);
	add_u8(&r, 0); /* acknowledges nothing */
	add_u8(&r, 0); /* no chunks */
	add_u32(&r, TEEWORLDS_NO_TOKEN);
	add_u8(&r, TEEWORLDS_TOKEN);
	add_u32(&r, TEEWORLDS_OURS); /* its low half is the nonce */
	add_zeroes(&r, TEEWORLDS_HEADER_BYTES + 1 + TEEWORLDS_REQUEST_BYTES - r.n);
	return r.n;
}

static enum answer judge_teeworlds(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t flags = cursor_u8(&c), message;
	uint32_t token;

	cursor_u16(&c);
	token = cursor_u32(&c);
	message = cursor_u8(&c);
	if (!c.ok || flags != TEEWORLDS_CONTROL || message != TEEWORLDS_TOKEN)
		return ANSWER_UNKNOWN;
	return judge_id(true, token == (TEEWORLDS_OURS | nonce));
}

#define TEEWORLDS6_HEAD "\xff\xff\xff\xff\xff\xff"

/* Teeworlds 0.6 (and DDNet), src/mastersrv/mastersrv.h: "gie3" and a byte that comes back as decimal text. */
static size_t build_teeworlds6(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, TEEWORLDS6_HEAD CONNECTIONLESS "gie3");
	add_u8(&r, 'n');
	return r.n;
}

static enum answer judge_teeworlds6(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	if (!starts_with(data, n, TEEWORLDS6_HEAD CONNECTIONLESS "inf3"))
		return ANSWER_UNKNOWN;
	return holds_text(data, n, "inf3110") ? ANSWER_FITS : ANSWER_FOREIGN; /* 110: 'n' */
}

static const struct payload rows[] = {
        {.name = "quake3-info",
         .ports = {27960, 27961, 27962, 27963, 28960, 29070},
         .source = "ioquake3 sv_main.c",
         .build = build_quake3_info,
         .nonce_offset = -1,
         .judge = judge_quake3},
        {.name = "quake3-status",
         .ports = {27960, 27961, 27962, 27963, 28960, 29070},
         .source = "ioquake3 sv_main.c",
         .build = build_quake3_status,
         .nonce_offset = -1,
         .judge = judge_quake3,
         .opt_in = true},
        {.name = "a2s-info",
         .ports = {27015, 27016, 27017, 27018, 27019, 27020, 2303},
         .source = "Valve, Server Queries, A2S_INFO",
         .build = build_a2s_info,
         .nonce_offset = -1,
         .judge = judge_a2s},
        {.name = "raknet-ping",
         .ports = {19132, 19133},
         .source = "RakNet manual, offline ping",
         .build = build_raknet,
         .nonce_offset = 1 + sizeof(raknet_time),
         .judge = judge_raknet},
        {.name = "minetest-connect",
         .ports = {30000},
         .source = "Minetest protocol.txt",
         .build = build_minetest,
         .nonce_offset = -1,
         .judge = judge_minetest},
        {.name = "teeworlds-token",
         .ports = {8303, 8304, 8305, 8306},
         .source = "Teeworlds 0.7 network.h",
         .build = build_teeworlds,
         .nonce_offset = TEEWORLDS_HEADER_BYTES + 1 + 2,
         .judge = judge_teeworlds},
        {.name = "teeworlds6-info",
         .ports = {8303, 8304, 8305, 8306},
         .source = "Teeworlds 0.6 mastersrv.h",
         .build = build_teeworlds6,
         .nonce_offset = -1,
         .judge = judge_teeworlds6},
};

PAYLOAD_FAMILY(payloads_games, rows);
