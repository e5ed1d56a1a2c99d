/* payload_ike.c: the first message of IKEv2 and of IKEv1, plain and behind the marker of IPsec NAT traversal. */
#include "payload_rows.h"

enum { IKE_HEADER_BYTES = 28, NON_ESP_MARKER_BYTES = 4 };
/* RFC 7296 3.1 */
enum {
	IKEV2_SA = 33,
	IKEV2_KE = 34,
	IKEV2_NONCE = 40,
	IKEV2_VERSION = 0x20,
	IKEV2_SA_INIT = 34,
	IKEV2_INITIATOR = 0x08
};
/* RFC 7296 3.3.2: transform types and ids (IANA's registry) */
enum { TYPE_ENCR = 1, TYPE_PRF = 2, TYPE_INTEG = 3, TYPE_DH = 4, TYPE_NONE = 0 };
enum { ENCR_AES_CBC = 12, PRF_SHA1 = 2, PRF_SHA256 = 5, INTEG_SHA1_96 = 2, INTEG_SHA256_128 = 12 };
enum { DH_MODP1024 = 2, DH_MODP2048 = 14, DH_ECP256 = 19, DH_CURVE25519 = 31, ATTRIBUTE_KEY_BITS = 0x8000 | 14 };
/* RFC 2408 3.1, 3.4 to 3.6; RFC 2409 A */
enum { IKEV1_SA = 1, IKEV1_VERSION = 0x10, IKEV1_MAIN_MODE = 2, IPSEC_DOI = 1, PROTOCOL_ISAKMP = 1, KEY_IKE = 1 };
enum { IKEV1_ENCRYPTION = 1, IKEV1_HASH = 2, IKEV1_AUTH = 3, IKEV1_GROUP = 4, IKEV1_LIFE_TYPE = 11, IKEV1_LIFE = 12 };
enum { MORE_TRANSFORMS = 3, LAST_SUBSTRUCTURE = 0 };

/* The initiator's SPI (IKEv1: cookie): not zero, chosen by the client, in every answer. Its last two bytes are the nonce. */
static const uint8_t spi_start[6] = {'n', 's', 'c', 'a', 'n', '1'};
enum { SPI_NONCE = sizeof(spi_start) };

static void add_ike_header(struct request *r, uint8_t next_payload, uint8_t version, uint8_t exchange, uint8_t flags)
{
	memcpy(request_grow(r, sizeof(spi_start)), spi_start, sizeof(spi_start));
	add_u16(r, 0);    /* the nonce */
	add_zeroes(r, 8); /* the responder's SPI */
	add_u8(r, next_payload);
	add_u8(r, version);
	add_u8(r, exchange);
	add_u8(r, flags);
	add_u32(r, 0); /* message id */
	add_u32(r, 0); /* length, when it is known */
}

/* Opens a payload or substructure: what comes next, a reserved byte, and a length that close_part fills in. */
static size_t open_part(struct request *r, uint8_t next)
{
	add_u8(r, next);
	add_u8(r, 0);
	add_u16(r, 0);
	return r->n - 4;
}

static void close_part(struct request *r, size_t at)
{
	put_u16(r->bytes + at + 2, (uint16_t)(r->n - at));
}

static void add_transform(struct request *r, uint8_t next, uint8_t type, uint16_t id, uint16_t key_bits)
{
	size_t transform = open_part(r, next);

	add_u8(r, type);
	add_u8(r, 0);
	add_u16(r, id);
	if (key_bits) {
		add_u16(r, ATTRIBUTE_KEY_BITS);
		add_u16(r, key_bits);
	}
	close_part(r, transform);
}

/* One proposal with what most gateways accept. */
static void add_ikev2_sa(struct request *r)
{
	static const struct {
		uint8_t type;
		uint16_t id, key_bits;
	} transforms[] = {
	        {TYPE_ENCR, ENCR_AES_CBC, 256}, {TYPE_ENCR, ENCR_AES_CBC, 128},    {TYPE_PRF, PRF_SHA256, 0},
	        {TYPE_PRF, PRF_SHA1, 0},        {TYPE_INTEG, INTEG_SHA256_128, 0}, {TYPE_INTEG, INTEG_SHA1_96, 0},
	        {TYPE_DH, DH_CURVE25519, 0},    {TYPE_DH, DH_ECP256, 0},           {TYPE_DH, DH_MODP2048, 0},
	        {TYPE_DH, DH_MODP1024, 0},
	};
	enum { COUNT = sizeof(transforms) / sizeof(transforms[0]) };
	size_t sa = open_part(r, IKEV2_KE);
	size_t proposal = open_part(r, LAST_SUBSTRUCTURE);

	add_u8(r, 1); /* proposal number */
	add_u8(r, PROTOCOL_ISAKMP);
	add_u8(r, 0); /* SPI bytes */
	add_u8(r, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		add_transform(r, i + 1 < COUNT ? MORE_TRANSFORMS : LAST_SUBSTRUCTURE, transforms[i].type,
		              transforms[i].id, transforms[i].key_bits);
	}
	close_part(r, proposal);
	close_part(r, sa);
}

static void add_ikev2_ke_and_nonce(struct request *r)
{
	size_t part = open_part(r, IKEV2_NONCE);

	/* RFC 8031: any 32 bytes are a public value; this one is the base point, u = 9, little-endian. */
	add_u16(r, DH_CURVE25519);
	add_u16(r, 0);
	request_grow(r, 32)[0] = 9;
	close_part(r, part);
	part = open_part(r, TYPE_NONE);
	memset(request_grow(r, 32), 'n', 32); /* keeps no secret, so it need not be random */
	close_part(r, part);
}

/* RFC 7296 1.2: answered with an own IKE_SA_INIT, or a notification that says what does not suit. */
static size_t build_ikev2(uint8_t *out)
{
	struct request r = {out, 0};

	add_ike_header(&r, IKEV2_SA, IKEV2_VERSION, IKEV2_SA_INIT, IKEV2_INITIATOR);
	add_ikev2_sa(&r);
	add_ikev2_ke_and_nonce(&r);
	put_u32(out + 24, (uint32_t)r.n);
	return r.n;
}

static void add_attribute(struct request *r, uint16_t type, uint16_t value)
{
	add_u16(r, 0x8000 | type); /* a value of two bytes, no length */
	add_u16(r, value);
}

/* RFC 2409 5: main mode, with the transform that every IKEv1 gateway had to offer (3DES, SHA1, pre-shared key, group 2). */
static size_t build_ikev1(uint8_t *out)
{
	struct request r = {out, 0};
	size_t sa, proposal, transform;

	add_ike_header(&r, IKEV1_SA, IKEV1_VERSION, IKEV1_MAIN_MODE, 0);
	sa = open_part(&r, TYPE_NONE);
	add_u32(&r, IPSEC_DOI);
	add_u32(&r, 1); /* situation: identity only */
	proposal = open_part(&r, LAST_SUBSTRUCTURE);
	add_u8(&r, 1); /* proposal number */
	add_u8(&r, PROTOCOL_ISAKMP);
	add_u8(&r, 0); /* SPI bytes */
	add_u8(&r, 1); /* transforms */
	transform = open_part(&r, LAST_SUBSTRUCTURE);
	add_u8(&r, 1); /* transform number */
	add_u8(&r, KEY_IKE);
	add_u16(&r, 0);
	add_attribute(&r, IKEV1_ENCRYPTION, 5); /* 3DES-CBC */
	add_attribute(&r, IKEV1_HASH, 2);       /* SHA1 */
	add_attribute(&r, IKEV1_AUTH, 1);       /* pre-shared key */
	add_attribute(&r, IKEV1_GROUP, 2);      /* 1024-bit MODP */
	add_attribute(&r, IKEV1_LIFE_TYPE, 1);  /* seconds */
	add_attribute(&r, IKEV1_LIFE, 28800);
	close_part(&r, transform);
	close_part(&r, proposal);
	close_part(&r, sa);
	put_u32(out + 24, (uint32_t)r.n);
	return r.n;
}

/* RFC 3948 2.2: on port 4500 four zero bytes tell IKE from ESP. */
static size_t build_ikev2_nat(uint8_t *out)
{
	memset(out, 0, NON_ESP_MARKER_BYTES);
	return NON_ESP_MARKER_BYTES + build_ikev2(out + NON_ESP_MARKER_BYTES);
}

static enum answer judge_ike(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	const uint8_t *start = cursor_take(&c, sizeof(spi_start));
	uint16_t end = cursor_u16(&c);
	uint8_t version;
	uint32_t length;

	cursor_take(&c, 9); /* the responder's SPI, next payload */
	version = cursor_u8(&c);
	cursor_take(&c, 6); /* exchange, flags, message id */
	length = cursor_u32(&c);
	if (!c.ok || !start)
		return ANSWER_UNKNOWN;
	return judge_id((version >> 4 == 1 || version >> 4 == 2) && length >= IKE_HEADER_BYTES && length <= n,
	                memcmp(start, spi_start, sizeof(spi_start)) == 0 && end == nonce);
}

static enum answer judge_ike_nat(const uint8_t *data, size_t n, uint16_t nonce)
{
	static const uint8_t marker[NON_ESP_MARKER_BYTES];

	if (n < sizeof(marker) || memcmp(data, marker, sizeof(marker)) != 0)
		return ANSWER_UNKNOWN;
	return judge_ike(data + sizeof(marker), n - sizeof(marker), nonce);
}

static const struct payload rows[] = {
        {.name = "ikev2-sa-init",
         .ports = {500},
         .source = "RFC 7296 1.2, 3",
         .build = build_ikev2,
         .nonce_offset = SPI_NONCE,
         .judge = judge_ike},
        {.name = "ikev1-main-mode",
         .ports = {500},
         .source = "RFC 2408 3, RFC 2409 5",
         .build = build_ikev1,
         .nonce_offset = SPI_NONCE,
         .judge = judge_ike},
        {.name = "ikev2-sa-init-nat",
         .ports = {4500},
         .source = "RFC 3948 2.2, RFC 7296 1.2",
         .build = build_ikev2_nat,
         .nonce_offset = NON_ESP_MARKER_BYTES + SPI_NONCE,
         .judge = judge_ike_nat},
};

PAYLOAD_FAMILY(payloads_ike, rows);
