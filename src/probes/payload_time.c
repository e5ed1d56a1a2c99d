/* payload_time.c: NTP, and the control protocol of chrony. */
#include "payload_rows.h"

enum { NTP_BYTES = 48, NTP_ORIGINATE = 24, NTP_TRANSMIT = 40, NTP_MODE = 7, NTP_CLIENT = 3, NTP_SERVER = 4 };

/* The transmit timestamp of a client need not be a time: servers send it back unread (RFC 5905 8). Seconds and half of
 * the fraction are fixed, and not 0, for an all-zero timestamp means "none"; the rest is the nonce. */
static const uint8_t ntp_transmit[6] = {'n', 's', 'c', 'a', 'n', '1'};

/* RFC 5905 7.3, with all else zero (RFC 9109 and draft-ietf-ntp-data-minimization: nothing a server needs is missing). */
static size_t build_ntp_client(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, 0 << 6 | 4 << 3 | NTP_CLIENT); /* leap indicator, version, mode */
	add_u8(&r, 0);                            /* stratum */
	add_u8(&r, 0);                            /* poll */
	add_u8(&r, 0);                            /* precision */
	add_u32(&r, 0);                           /* root delay */
	add_u32(&r, 0);                           /* root dispersion */
	add_u32(&r, 0);                           /* reference id */
	add_zeroes(&r, 8);                        /* reference timestamp */
	add_zeroes(&r, 8);                        /* originate timestamp */
	add_zeroes(&r, 8);                        /* receive timestamp */
	memcpy(request_grow(&r, sizeof(ntp_transmit)), ntp_transmit, sizeof(ntp_transmit));
	add_u16(&r, 0); /* the nonce */
	return r.n;
}

static enum answer judge_ntp(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t mode = cursor_u8(&c) & NTP_MODE;
	const uint8_t *originate;
	bool ours;

	cursor_take(&c, NTP_ORIGINATE - 1);
	originate = cursor_take(&c, sizeof(ntp_transmit));
	ours = originate && memcmp(originate, ntp_transmit, sizeof(ntp_transmit)) == 0 && cursor_u16(&c) == nonce;
	return n < NTP_BYTES ? ANSWER_UNKNOWN : judge_id(mode == NTP_SERVER, ours);
}

enum { CHRONY_VERSION = 6, CHRONY_REQUEST = 1, CHRONY_REPLY = 2, CHRONY_N_SOURCES = 14 };
enum { CHRONY_REPLY_BYTES = 28, CHRONY_N_SOURCES_REPLY_BYTES = CHRONY_REPLY_BYTES + 4 };
#define CHRONY_SEQUENCE 0x6e730000u

/* How many time sources there are. The request is padded to the length of its reply, as chronyd demands, so that it
 * cannot serve to amplify. */
static size_t build_chrony_n_sources(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, CHRONY_VERSION);
	add_u8(&r, CHRONY_REQUEST);
	add_u8(&r, 0); /* reserved */
	add_u8(&r, 0); /* reserved */
	add_u16(&r, CHRONY_N_SOURCES);
	add_u16(&r, 0);               /* attempt */
	add_u32(&r, CHRONY_SEQUENCE); /* its low half is the nonce */
	add_u32(&r, 0);               /* padding */
	add_u32(&r, 0);               /* padding */
	add_zeroes(&r, CHRONY_N_SOURCES_REPLY_BYTES - r.n);
	return r.n;
}

static enum answer judge_chrony(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t type;
	uint32_t sequence;

	cursor_u8(&c); /* version: an older or newer chronyd says so in its reply */
	type = cursor_u8(&c);
	cursor_take(&c, 14); /* reserved, command, reply, status, padding */
	sequence = cursor_u32(&c);
	if (n < CHRONY_REPLY_BYTES)
		return ANSWER_UNKNOWN;
	return judge_id(type == CHRONY_REPLY, sequence == (CHRONY_SEQUENCE | nonce));
}

static const struct payload rows[] = {
        {.name = "ntp-client",
         .ports = {123},
         .source = "RFC 5905 7.3",
         .build = build_ntp_client,
         .nonce_offset = NTP_TRANSMIT + sizeof(ntp_transmit),
         .judge = judge_ntp},
        {.name = "chrony-n-sources",
         .ports = {323},
         .source = "chrony 4, candm.h",
         .build = build_chrony_n_sources,
         .nonce_offset = 10,
         .judge = judge_chrony},
};

PAYLOAD_FAMILY(payloads_time, rows);
