/* payload_voice.c: telephony beside SIP: IAX2, MGCP; and the voice servers Mumble and TeamSpeak. */
#include "payload_rows.h"

/* RFC 5456 8.1, 6.7 */
enum { IAX_FULL_FRAME = 0x8000, IAX_CALL = 0x6e73, IAX_FRAME_IAX = 6, IAX_POKE = 30, IAX_LEAST_BYTES = 12 };

static size_t build_iax_poke(uint8_t *out)
{
	struct request r = {out, 0};

	add_u16(&r, IAX_FULL_FRAME | IAX_CALL); /* source call number */
	add_u16(&r, 0);                         /* destination call number: none yet */
	add_u16(&r, 0);                         /* timestamp: its low half is the nonce */
	add_u16(&r, 0);
	add_u8(&r, 0); /* sequence number: this, ... */
	add_u8(&r, 0); /* ... the next expected */
	add_u8(&r, IAX_FRAME_IAX);
	add_u8(&r, IAX_POKE);
	return r.n;
}

/* RFC 5456 6.7.4: the PONG goes to our call number, and carries the timestamp of the POKE. */
static enum answer judge_iax(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint16_t source = cursor_u16(&c), destination = cursor_u16(&c) & 0x7fff;
	uint32_t timestamp = cursor_u32(&c);
	uint8_t type;

	cursor_u16(&c);
	type = cursor_u8(&c);
	if (n < IAX_LEAST_BYTES || !(source & IAX_FULL_FRAME) || type != IAX_FRAME_IAX)
		return ANSWER_UNKNOWN;
	if (destination != IAX_CALL)
		return ANSWER_FOREIGN;
	return timestamp == nonce ? ANSWER_PROVED : ANSWER_FITS;
}

#define MGCP_TRANSACTION "7376"

/* RFC 3435 2.3.9: what is this endpoint like? It does not exist, and the gateway says so. */
static size_t build_mgcp(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, "AUEP " MGCP_TRANSACTION " nscan/1@nscan.invalid MGCP 1.0\r\n");
	return r.n;
}

/* RFC 3435 3.3: a three-digit code and our transaction. */
static enum answer judge_mgcp(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	for (size_t i = 0; i < 3; i++)
		if (i >= n || data[i] < '0' || data[i] > '9')
			return ANSWER_UNKNOWN;
	return judge_form(starts_with(data + 3, n - 3, " " MGCP_TRANSACTION));
}

enum { MUMBLE_ANSWER_BYTES = 24 };

static const uint8_t mumble_ident[6] = {'n', 's', 'c', 'a', 'n', '1'}; /* and the nonce */

/* Mumble's protocol documentation, "UDP ping": asked by every client's list of servers. */
static size_t build_mumble(uint8_t *out)
{
	struct request r = {out, 0};

	add_u32(&r, 0); /* request type: ping */
	add_bytes(&r, mumble_ident, sizeof(mumble_ident));
	add_u16(&r, 0); /* the nonce */
	return r.n;
}

/* Version, the ident, users, most users, bandwidth. */
static enum answer judge_mumble(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	bool ours;

	cursor_u32(&c);
	ours = cursor_is(&c, mumble_ident, sizeof(mumble_ident)) && cursor_u16(&c) == nonce;
	return judge_id(false, n == MUMBLE_ANSWER_BYTES && ours);
}

enum { TS3_INIT_PACKET = 101, TS3_INIT_FLAGS = 0x88, TS3_INIT1_BYTES = 8 + 2 + 1 + 1 + 16 + 4 };
#define TS3_TAG     "TS3INIT1"
#define TS3_VERSION 0x0a000000u /* seconds from 2013 to when the client was built: April 2018 */

/* ReSpeak's description of TeamSpeak 3's protocol, "Init": step 0, with four random bytes that come back reversed. */
static size_t build_teamspeak(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, TS3_TAG);
	add_u16(&r, TS3_INIT_PACKET);
	add_u16(&r, 0); /* client id */
	add_u8(&r, TS3_INIT_FLAGS);
	add_u32(&r, TS3_VERSION);
	add_u8(&r, 0);  /* step */
	add_u32(&r, 0); /* time */
	add_u16(&r, 0x6e73);
	add_u16(&r, 0); /* the nonce */
	add_zeroes(&r, 8);
	return r.n;
}

static enum answer judge_teamspeak(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint32_t reversed;
	uint8_t step;

	cursor_take(&c, 8 + 2); /* tag, packet id */
	cursor_u8(&c);          /* flags */
	step = cursor_u8(&c);
	cursor_take(&c, 16); /* the server's random bytes */
	reversed = cursor_u32(&c);
	if (n < TS3_INIT1_BYTES || !starts_with(data, n, TS3_TAG))
		return starts_with(data, n, TS3_TAG) ? ANSWER_FITS : ANSWER_UNKNOWN;
	return judge_id(true,
	                step == 1 && c.ok &&
	                        reversed == ((uint32_t)(nonce & 0xff) << 24 | (uint32_t)(nonce >> 8) << 16 | 0x736e));
}

static const struct payload rows[] = {
        {.name = "iax-poke",
         .ports = {4569},
         .source = "RFC 5456 6.7",
         .build = build_iax_poke,
         .nonce_offset = 6,
         .judge = judge_iax},
        {.name = "mgcp-audit-endpoint",
         .ports = {2427, 2727},
         .source = "RFC 3435 2.3.9",
         .build = build_mgcp,
         .nonce_offset = -1,
         .judge = judge_mgcp},
        {.name = "mumble-ping",
         .ports = {64738},
         .source = "Mumble protocol documentation, UDP ping",
         .build = build_mumble,
         .nonce_offset = 4 + sizeof(mumble_ident),
         .judge = judge_mumble},
        {.name = "teamspeak-init",
         .ports = {9987},
         .source = "ReSpeak ts3protocol, Init",
         .build = build_teamspeak,
         .nonce_offset = 8 + 2 + 2 + 1 + 4 + 1 + 4 + 2,
         .judge = judge_teamspeak},
};

PAYLOAD_FAMILY(payloads_voice, rows);
