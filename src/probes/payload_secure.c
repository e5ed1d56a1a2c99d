/* payload_secure.c: QUIC and DTLS: the first datagram of a handshake that is not gone on with. */
#include "payload_rows.h"

/* RFC 9000 15: versions of the form 0x?a?a?a?a are nobody's, so that a server answers with those it has. */
#define QUIC_UNKNOWN_VERSION 0x1a2a3a4au
enum { QUIC_LONG_HEADER = 0x80, QUIC_FIXED_BIT = 0x40, QUIC_LEAST_BYTES = 1200, QUIC_TWO_BYTES = 0x4000 };

static const uint8_t quic_destination_id[8] = {'n', 's', 'c', 'a', 'n', 'd', 's', 't'};
static const uint8_t quic_source_id[6] = {'n', 's', 'c', 'a', 'n', '1'}; /* and the nonce */

/* RFC 9000 6.1, 14.1: a server answers an unknown version in a datagram of 1200 bytes with a much smaller Version
 * Negotiation packet, which carries our connection ids, and keeps no state. */
static size_t build_quic(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, QUIC_LONG_HEADER | QUIC_FIXED_BIT);
	add_u32(&r, QUIC_UNKNOWN_VERSION);
	add_u8(&r, sizeof(quic_destination_id));
	add_bytes(&r, quic_destination_id, sizeof(quic_destination_id));
	add_u8(&r, sizeof(quic_source_id) + 2);
	add_bytes(&r, quic_source_id, sizeof(quic_source_id));
	add_u16(&r, 0); /* the nonce */
	add_u8(&r, 0);  /* from here on as in version 1: no token, ... */
	add_u16(&r, (uint16_t)(QUIC_TWO_BYTES | (QUIC_LEAST_BYTES - r.n - 2))); /* ... bytes that follow, ... */
	add_zeroes(&r, QUIC_LEAST_BYTES - r.n);                                 /* ... sealed */
	return r.n;
}

/* RFC 8999 6: version 0, and the connection ids the other way round. */
static enum answer judge_quic(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t first = cursor_u8(&c);
	uint32_t version = cursor_u32(&c);
	uint8_t id_bytes = cursor_u8(&c);
	bool ours = id_bytes == sizeof(quic_source_id) + 2 && cursor_is(&c, quic_source_id, sizeof(quic_source_id)) &&
	            cursor_u16(&c) == nonce && c.ok;

	if (n < 7 || !(first & QUIC_LONG_HEADER) || version != 0)
		return ANSWER_UNKNOWN;
	return judge_id(true, ours);
}

enum { TLS_ALERT = 21, TLS_HANDSHAKE = 22, DTLS_1_0 = 0xfeff, DTLS_1_2 = 0xfefd };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, HELLO_VERIFY_REQUEST = 3 };
enum { EXT_SUPPORTED_GROUPS = 10, EXT_POINT_FORMATS = 11, EXT_SIGNATURES = 13, EXT_EXTENDED_MASTER_SECRET = 23 };
enum { DTLS_RECORD_BYTES = 13, DTLS_HANDSHAKE_BYTES = 12, DTLS_RANDOM_BYTES = 32 };
enum { DTLS_NONCE = DTLS_RECORD_BYTES + DTLS_HANDSHAKE_BYTES + 2 + DTLS_RANDOM_BYTES - 2 };

/* Extensions and their lists are all 16-bit numbers behind a count of bytes. */
static void add_words(struct request *r, const uint16_t *words, size_t count)
{
	add_u16(r, (uint16_t)(2 * count));
	for (size_t i = 0; i < count; i++)
		add_u16(r, words[i]);
}

static void add_extensions(struct request *r)
{
	static const uint16_t groups[] = {29 /* x25519 */, 23 /* secp256r1 */, 24 /* secp384r1 */};
	static const uint16_t signatures[] = {0x0403 /* ecdsa, sha256 */, 0x0804 /* rsa-pss, sha256 */,
	                                      0x0401 /* rsa, sha256 */, 0x0201 /* rsa, sha1 */};
	size_t at = r->n;

	add_u16(r, 0); /* bytes of all extensions */
	add_u16(r, EXT_SUPPORTED_GROUPS);
	add_u16(r, sizeof(groups) + 2);
	add_words(r, groups, sizeof(groups) / 2);
	add_u16(r, EXT_POINT_FORMATS);
	add_u16(r, 2);
	add_u8(r, 1);
	add_u8(r, 0); /* uncompressed */
	add_u16(r, EXT_SIGNATURES);
	add_u16(r, sizeof(signatures) + 2);
	add_words(r, signatures, sizeof(signatures) / 2);
	add_u16(r, EXT_EXTENDED_MASTER_SECRET);
	add_u16(r, 0);
	put_u16(r->bytes + at, (uint16_t)(r->n - at - 2));
}

/* RFC 6347 4.2.1: without a cookie; what answers asks for one, and keeps no state. */
static size_t build_dtls(uint8_t *out)
{
	static const uint16_t suites[] = {
	        0xc02b /* ECDHE-ECDSA-AES128-GCM */, 0xc02f /* ECDHE-RSA-AES128-GCM */, 0xc0ae /* ECDHE-ECDSA-CCM-8 */,
	        0x009c /* RSA-AES128-GCM */,         0x002f /* RSA-AES128-SHA */,       0x00a8 /* PSK-AES128-GCM */,
	        0xc0a8 /* PSK-AES128-CCM-8 */,       0x00ff /* renegotiation info */,
	};
	struct request r = {out, 0};
	size_t body;

	add_u8(&r, TLS_HANDSHAKE);
	add_u16(&r, DTLS_1_0);
	add_u16(&r, 0);    /* epoch */
	add_zeroes(&r, 6); /* sequence number */
	add_u16(&r, 0);    /* record length, when it is known */
	add_u8(&r, CLIENT_HELLO);
	add_zeroes(&r, 3); /* length */
	add_u16(&r, 0);    /* message sequence */
	add_zeroes(&r, 3); /* fragment offset */
	add_zeroes(&r, 3); /* fragment length */
	body = r.n;
	add_u16(&r, DTLS_1_2);
	memset(request_grow(&r, DTLS_RANDOM_BYTES), 'n', DTLS_RANDOM_BYTES - 2); /* the nonce is its end */
	add_u8(&r, 0);                                                           /* session id */
	add_u8(&r, 0);                                                           /* cookie */
	add_words(&r, suites, sizeof(suites) / 2);
	add_u8(&r, 1);
	add_u8(&r, 0); /* compression: none */
	add_extensions(&r);
	put_u16(out + 11, (uint16_t)(r.n - DTLS_RECORD_BYTES));
	put_u16(out + DTLS_RECORD_BYTES + 2, (uint16_t)(r.n - body));
	put_u16(out + DTLS_RECORD_BYTES + 10, (uint16_t)(r.n - body));
	return r.n;
}

static enum answer judge_dtls(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t type = cursor_u8(&c);
	uint16_t version = cursor_u16(&c), length;
	uint8_t message;

	(void)nonce;
	cursor_take(&c, 8); /* epoch, sequence number */
	length = cursor_u16(&c);
	message = cursor_u8(&c);
	if (!c.ok || version >> 8 != 0xfe || length > n - DTLS_RECORD_BYTES)
		return ANSWER_UNKNOWN;
	return judge_form(type == TLS_ALERT ||
	                  (type == TLS_HANDSHAKE && (message == SERVER_HELLO || message == HELLO_VERIFY_REQUEST)));
}

static const struct payload rows[] = {
        {.name = "quic-version-negotiation",
         .ports = {443, 853, 8443, 784},
         .source = "RFC 9000 6.1, RFC 8999, RFC 9250",
         .build = build_quic,
         .nonce_offset = 1 + 4 + 1 + sizeof(quic_destination_id) + 1 + sizeof(quic_source_id),
         .judge = judge_quic},
        {.name = "dtls-client-hello",
         .ports = {4433, 5684, 443, 853, 3391, 5349, 10161},
         .source = "RFC 6347 4.2, RFC 5246 7.4.1",
         .build = build_dtls,
         .nonce_offset = DTLS_NONCE,
         .judge = judge_dtls},
};

PAYLOAD_FAMILY(payloads_secure, rows);
