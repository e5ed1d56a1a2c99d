/* payload_text.c: requests that are text: SSDP, SIP, TFTP, and memcached's behind its binary frame. */
#include "payload_rows.h"

/* UPnP Device Architecture 1.1, 1.3.2. A root device answers once; "ssdp:all" would be answered many times over. The host
 * is the group's even by unicast: what deployed devices accept. */
static size_t build_ssdp_search(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, "M-SEARCH * HTTP/1.1\r\n"
	             "HOST: 239.255.255.250:1900\r\n"
	             "MAN: \"ssdp:discover\"\r\n"
	             "MX: 1\r\n"
	             "ST: upnp:rootdevice\r\n"
	             "\r\n");
	return r.n;
}

static enum answer judge_ssdp(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	return starts_with(data, n, "HTTP/1.") ? ANSWER_FITS : ANSWER_UNKNOWN;
}

#define SIP_CALL_ID "nscan-options@nscan.invalid"

/* RFC 3261 11, with rport (RFC 3581) so that the answer comes to where the request came from. */
static size_t build_sip_options(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, "OPTIONS sip:nscan@nscan.invalid SIP/2.0\r\n"
	             "Via: SIP/2.0/UDP nscan.invalid;branch=z9hG4bKnscan;rport\r\n"
	             "Max-Forwards: 70\r\n"
	             "From: <sip:nscan@nscan.invalid>;tag=nscan\r\n"
	             "To: <sip:nscan@nscan.invalid>\r\n"
	             "Call-ID: " SIP_CALL_ID "\r\n"
	             "CSeq: 1 OPTIONS\r\n"
	             "Contact: <sip:nscan@nscan.invalid>\r\n"
	             "Accept: application/sdp\r\n"
	             "Content-Length: 0\r\n"
	             "\r\n");
	return r.n;
}

static enum answer judge_sip(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	if (!starts_with(data, n, "SIP/2.0 "))
		return ANSWER_UNKNOWN;
	return holds_text(data, n, SIP_CALL_ID) ? ANSWER_FITS : ANSWER_FOREIGN;
}

enum { TFTP_READ = 1, TFTP_DATA = 3, TFTP_ERROR = 5, TFTP_OPTIONS = 6 };

/* RFC 1350 4, 5: a file that does not exist is answered with an error, from a port chosen for this transfer. */
static size_t build_tftp_read(uint8_t *out)
{
	struct request r = {out, 0};

	add_u16(&r, TFTP_READ);
	add_text(&r, "nscan-no-such-file");
	add_u8(&r, 0);
	add_text(&r, "octet");
	add_u8(&r, 0);
	return r.n;
}

static enum answer judge_tftp(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint16_t operation = cursor_u16(&c), word = cursor_u16(&c);
	bool fits = (operation == TFTP_DATA && word == 1 && c.ok) ||
	            (operation == TFTP_ERROR && word <= 8 && n > 4 && data[n - 1] == 0) ||
	            (operation == TFTP_OPTIONS && n > 2 && data[n - 1] == 0);

	(void)nonce;
	return fits ? ANSWER_FITS : ANSWER_UNKNOWN;
}

/* memcached's protocol.txt, "UDP protocol": request id, sequence number, datagrams in this message, reserved. */
static size_t build_memcached_version(uint8_t *out)
{
	struct request r = {out, 0};

	add_u16(&r, 0); /* request id: the nonce */
	add_u16(&r, 0);
	add_u16(&r, 1);
	add_u16(&r, 0);
	add_text(&r, "version\r\n"); /* one short line; nothing that could amplify */
	return r.n;
}

static enum answer judge_memcached(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint16_t id = cursor_u16(&c), sequence = cursor_u16(&c), datagrams = cursor_u16(&c), reserved = cursor_u16(&c);

	if (!c.ok || sequence != 0 || datagrams == 0 || reserved != 0)
		return ANSWER_UNKNOWN;
	return judge_id(true, id == nonce);
}

static const struct payload rows[] = {
        {.name = "ssdp-search",
         .ports = {1900},
         .source = "UPnP Device Architecture 1.1, 1.3.2",
         .build = build_ssdp_search,
         .nonce_offset = -1,
         .judge = judge_ssdp,
         .other_port = true},
        {.name = "sip-options",
         .ports = {5060, 5070, 5080},
         .source = "RFC 3261 11",
         .build = build_sip_options,
         .nonce_offset = -1,
         .judge = judge_sip},
        {.name = "tftp-read",
         .ports = {69},
         .source = "RFC 1350 4",
         .build = build_tftp_read,
         .nonce_offset = -1,
         .judge = judge_tftp,
         .other_port = true},
        {.name = "memcached-version",
         .ports = {11211},
         .source = "memcached protocol.txt, UDP protocol",
         .build = build_memcached_version,
         .nonce_offset = 0,
         .judge = judge_memcached},
};

PAYLOAD_FAMILY(payloads_text, rows);
