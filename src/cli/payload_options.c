/* payload_options.c: --payload, --payloads, --list-payloads: which requests the ports get. */
#include "payload_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/values.h"

bool option_payload_set(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	static const char *const names[] = {[PAYLOADS_SAFE] = "safe", [PAYLOADS_ALL] = "all", [PAYLOADS_NONE] = "none"};

	for (int set = PAYLOADS_SAFE; set <= PAYLOADS_NONE; set++) {
		if (strcmp(value, names[set]) == 0) {
			options->payload_set = (enum payload_set)set;
			return true;
		}
	}
	return err_set(err, ERR_USAGE, "%s %.64s: give safe (the default), all, or none", row->name, value);
}

/* All bytes of the file; at most PAYLOAD_MAX_BYTES. */
static bool read_file(const char *argument, const char *path, uint8_t bytes[PAYLOAD_MAX_BYTES], size_t *n,
                      struct err *err)
{
	FILE *file = fopen(path, "rb");
	uint8_t more;
	bool whole, too_long;

	if (!file)
		return err_set(err, ERR_USAGE, "%s: %.128s: %s", argument, path, strerror(errno));
	*n = fread(bytes, 1, PAYLOAD_MAX_BYTES, file);
	too_long = fread(&more, 1, 1, file) == 1;
	whole = !ferror(file);
	fclose(file);
	if (!whole)
		return err_set(err, ERR_USAGE, "%s: %.128s cannot be read; give a file of bytes", argument, path);
	return !too_long || err_set(err, ERR_USAGE, "%s: %.128s is too long; a datagram takes %d bytes at most",
	                            argument, path, PAYLOAD_MAX_BYTES);
}

static bool keep_own(struct options *options, uint16_t port, const uint8_t *bytes, size_t n, struct err *err)
{
	struct payload *own = realloc(options->own_payloads, (options->own_payload_count + 1) * sizeof(*own));
	uint8_t *copy = malloc(n ? n : 1);

	if (own)
		options->own_payloads = own;
	if (!own || !copy) {
		free(copy);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	memcpy(copy, bytes, n);
	own[options->own_payload_count++] = (struct payload){.name = "own",
	                                                     .ports = {port},
	                                                     .source = "--payload",
	                                                     .nonce_offset = -1,
	                                                     .bytes = copy,
	                                                     .byte_count = n};
	return true;
}

bool option_payload(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	const char *equals = strchr(value, '=');
	uint8_t bytes[PAYLOAD_MAX_BYTES];
	char digits[8] = "";
	uint64_t port = 0;
	size_t n = 0;

	if (equals && (size_t)(equals - value) < sizeof(digits))
		memcpy(digits, value, (size_t)(equals - value));
	if (!value_number(digits, &port) || port < 1 || port > 65535)
		return err_set(err, ERR_USAGE, "%s %.64s: give PORT=HEX or PORT=@FILE, the port from 1 to 65535",
		               row->name, value);
	if (equals[1] == '@') {
		if (!read_file(row->name, equals + 2, bytes, &n, err))
			return false;
	} else if (equals[1] && !value_hex_bytes(equals + 1, bytes, sizeof(bytes), &n)) {
		return err_set(err, ERR_USAGE,
		               "%s %.64s: after the port, give pairs of hexadecimal digits (at most %d bytes) or @FILE",
		               row->name, value, PAYLOAD_MAX_BYTES);
	}
	return keep_own(options, (uint16_t)port, bytes, n, err);
}

void payload_options_free(struct options *options)
{
	for (size_t i = 0; i < options->own_payload_count; i++)
		free((void *)(uintptr_t)options->own_payloads[i]
		             .bytes); /* ours, though a payload only lends its bytes */
	free(options->own_payloads);
}

struct payload_book *payload_options_book(const struct options *options)
{
	return payload_book_of(
	        &(struct payload_choice){options->payload_set, options->own_payloads, options->own_payload_count});
}

/* "27960,27961-27963" */
static void format_ports(const struct payload *payload, char *out, size_t room)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < PAYLOAD_MAX_PORTS && payload->ports[i] && used < room; i++)
		used += (size_t)snprintf(out + used, room - used, "%s%u", i ? "," : "", payload->ports[i]);
}

bool payload_options_list(const struct options *options, FILE *out)
{
	struct payload_book *book = payload_book_of(
	        &(struct payload_choice){PAYLOADS_ALL, options->own_payloads, options->own_payload_count});

	if (!book)
		return false;
	fprintf(out, "%-25s %-44s %5s  %-8s %s\n", "NAME", "PORTS", "BYTES", "SENT", "DOCUMENT");
	for (size_t i = 0; i < payload_book_size(book); i++) {
		const struct payload *payload = payload_book_at(book, i);
		char ports[PAYLOAD_MAX_PORTS * 6 + 1];

		format_ports(payload, ports, sizeof(ports));
		fprintf(out, "%-25s %-44s %5zu  %-8s %s\n", payload->name, ports, payload->byte_count,
		        payload->opt_in     ? "with all"
		        : payload->anywhere ? "safe, +"
		                            : "safe",
		        payload->source);
	}
	fputs("\nsafe: sent by default. with all: only with --payloads all, for the answer is many times as long.\n"
	      "+: also sent to ports that have no row here, after an empty datagram.\n",
	      out);
	payload_book_free(book);
	return true;
}
