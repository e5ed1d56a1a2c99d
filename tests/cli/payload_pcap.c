/* payload_pcap.c: every payload of the table, as the probe that a scan would send to its first port, into a capture (raw IP).
 *
 *     payload_pcap FILE      also prints one line for each packet: name and port, in the capture's order */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/craft.h"
#include "nscan/probe.h"

enum { PCAP_RAW_IP = 101, PCAP_VERSION = 4, PCAP_SNAPLEN = 65535 };
#define PCAP_MAGIC 0xa1b2c3d4u

/* In this machine's byte order, which the magic number tells. */
static bool put_words(FILE *out, const uint32_t *words, size_t count)
{
	return fwrite(words, sizeof(*words), count, out) == count;
}

static bool write_packet(FILE *out, const uint8_t *packet, size_t n)
{
	const uint32_t head[] = {1, 0, (uint32_t)n, (uint32_t)n};

	return put_words(out, head, 4) && fwrite(packet, 1, n, out) == n;
}

static bool write_probe(FILE *out, struct craft *craft, const struct probe_settings *settings, const struct ask *ask)
{
	uint8_t packet[CRAFT_MAX_BYTES];
	struct probe probe = {.link = LINK_RAW_IP};
	struct err err;
	size_t n;

	probe_modules[PROBE_UDP]->make(settings, ask, &probe);
	n = craft_probe(craft, &probe, packet, &err);
	return n > 0 && write_packet(out, packet, n);
}

/* Each payload alone in the settings, so that it is what its port gets; each probe from a source port of its own, so that none
 * is taken for part of another's conversation. */
static bool write_payload(FILE *out, struct craft *craft, const struct payload *payload, uint16_t *source_port)
{
	struct probe_settings settings = {.key = "0123456789abcde",
	                                  .source_ports = source_port,
	                                  .source_port_count = 1,
	                                  .ttl = 64,
	                                  .data = payload};
	struct ask ask = {.kind = PROBE_UDP};

	addr_parse("192.0.2.1", &ask.src);
	addr_parse("192.0.2.2", &ask.dst);
	ask.port = payload->ports[0];
	if (!write_probe(out, craft, &settings, &ask))
		return false;
	printf("%s %u\n", payload->name, ask.port);
	++*source_port;
	return true;
}

int main(int argc, char **argv)
{
	const uint32_t head[] = {PCAP_MAGIC, PCAP_VERSION << 16 | 2, 0, 0, PCAP_SNAPLEN, PCAP_RAW_IP};
	struct payload_book *book = payload_book_of(&(struct payload_choice){.set = PAYLOADS_ALL});
	struct interface interface = {.name = "raw"};
	struct network network = {.interfaces = &interface, .interface_count = 1};
	struct err err;
	struct craft *craft = craft_new(&network, &err);
	uint16_t source_port = 40000;
	FILE *out = argc == 2 ? fopen(argv[1], "wb") : NULL;
	bool good = out && book && craft && put_words(out, head, 6);

	for (size_t i = 0; good && i < payload_book_size(book); i++)
		good = write_payload(out, craft, payload_book_at(book, i), &source_port);
	good = out && fclose(out) == 0 && good;
	craft_free(craft);
	payload_book_free(book);
	if (!good)
		fprintf(stderr, "payload_pcap: could not write the capture\n");
	return good ? 0 : 1;
}
