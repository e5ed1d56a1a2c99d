/* payload_simple.c: STUN, and the small services that answer any datagram. */
#include "payload_rows.h"

/* RFC 8489 5 */
#define STUN_MAGIC_COOKIE 0x2112a442u
enum { STUN_BINDING_REQUEST = 0x0001, STUN_CLASS = 0x0110, STUN_REQUEST_CLASS = 0, STUN_HEADER_BYTES = 20 };

static const uint8_t stun_transaction[10] = {'n', 's', 'c', 'a', 'n', ' ', 's', 't', 'u', 'n'};

static size_t build_stun_binding(uint8_t *out)
{
	struct request r = {out, 0};

	add_u16(&r, STUN_BINDING_REQUEST);
	add_u16(&r, 0); /* no attributes */
	add_u32(&r, STUN_MAGIC_COOKIE);
	memcpy(request_grow(&r, sizeof(stun_transaction)), stun_transaction, sizeof(stun_transaction));
	add_u16(&r, 0); /* the rest of the transaction id: the nonce */
	return r.n;
}

static enum answer judge_stun(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint16_t type = cursor_u16(&c);
	uint32_t cookie;
	const uint8_t *transaction;
	bool ours;

	cursor_u16(&c); /* length */
	cookie = cursor_u32(&c);
	transaction = cursor_take(&c, sizeof(stun_transaction));
	ours = transaction && memcmp(transaction, stun_transaction, sizeof(stun_transaction)) == 0 &&
	       cursor_u16(&c) == nonce && c.ok;
	return judge_id(n >= STUN_HEADER_BYTES && cookie == STUN_MAGIC_COOKIE &&
	                        (type & STUN_CLASS) != STUN_REQUEST_CLASS,
	                ours);
}

/* RFC 862, 867, 868: what the datagram says does not matter, so that it may say the nonce. */
static size_t build_two_bytes(uint8_t *out)
{
	struct request r = {out, 0};

	add_u16(&r, 0);
	return r.n;
}

/* RFC 864, 865: at most 512 characters come back, and so many are sent: nothing is amplified. */
static size_t build_as_much(uint8_t *out)
{
	struct request r = {out, 0};

	add_zeroes(&r, 512);
	return r.n;
}

static enum answer judge_echo(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);

	return judge_id(false, n == 2 && cursor_u16(&c) == nonce);
}

static const struct payload rows[] = {
        {.name = "stun-binding",
         .ports = {3478, 3479, 19302},
         .source = "RFC 8489 5",
         .build = build_stun_binding,
         .nonce_offset = 18,
         .judge = judge_stun,
         .anywhere = true},
        {.name = "echo", .ports = {7}, .source = "RFC 862", .build = build_two_bytes, .judge = judge_echo},
        {.name = "any-datagram", .ports = {13, 37}, .source = "RFC 867, RFC 868", .build = build_two_bytes},
        {.name = "any-512-bytes", .ports = {17, 19}, .source = "RFC 865, RFC 864", .build = build_as_much},
};

PAYLOAD_FAMILY(payloads_simple, rows);
