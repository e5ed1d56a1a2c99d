/* read_netbios.c: the answer to a NetBIOS node status request: the host's names and its hardware address (RFC 1002 4.2.18). */
#include <stdio.h>

#include "read.h"

enum { IS_RESPONSE = 0x8000, TYPE_NBSTAT = 0x21, CLASS_IN = 1, NAME_BYTES = 15, IS_GROUP = 0x8000, MOST_NAMES = 32 };
/* The sixteenth byte of a name: which service of the host it stands for. */
enum { SUFFIX_WORKSTATION = 0x00, SUFFIX_CONTROLLERS = 0x1c, SUFFIX_MASTER = 0x1b, SUFFIX_FILES = 0x20 };

struct names {
	char computer[NAME_BYTES + 1], domain[NAME_BYTES + 1];
	char all[256];
	bool files, controller, master;
};

static void read_name(struct cursor *c, struct names *names)
{
	const uint8_t *bytes = cursor_take(c, NAME_BYTES);
	uint8_t suffix = cursor_u8(c);
	uint16_t flags = cursor_u16(c);
	char text[NAME_BYTES + 1];
	size_t at = strlen(names->all);

	if (!c->ok)
		return;
	clean_text(text, sizeof(text), bytes, NAME_BYTES);
	if (at + sizeof(text) + 6 < sizeof(names->all))
		snprintf(names->all + at, sizeof(names->all) - at, "%s%s<%02x>", at ? " " : "", text, suffix);
	if (suffix == SUFFIX_WORKSTATION)
		memcpy(flags & IS_GROUP ? names->domain : names->computer, text, sizeof(text));
	names->files |= suffix == SUFFIX_FILES;
	names->controller |= suffix == SUFFIX_CONTROLLERS && (flags & IS_GROUP);
	names->master |= suffix == SUFFIX_MASTER;
}

/* The encoded name: one label of 32 letters, and the root. */
static bool skip_name(struct cursor *c)
{
	uint8_t length = cursor_u8(c);

	if ((length & 0xc0) == 0xc0)
		return cursor_take(c, 1) != NULL;
	return length == 32 && cursor_take(c, 32) && cursor_u8(c) == 0 && c->ok;
}

static bool read_node_status(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	struct names names = {0};
	const uint8_t *mac;
	uint16_t flags, answers;
	uint8_t count;

	cursor_u16(&c);
	flags = cursor_u16(&c);
	cursor_u16(&c);
	answers = cursor_u16(&c);
	cursor_u32(&c);
	if (!c.ok || !(flags & IS_RESPONSE) || answers != 1 || !skip_name(&c))
		return false;
	if (cursor_u16(&c) != TYPE_NBSTAT || cursor_u16(&c) != CLASS_IN)
		return false;
	cursor_u32(&c); /* time to live */
	cursor_u16(&c); /* length */
	count = cursor_u8(&c);
	if (!c.ok)
		return false;
	for (uint8_t i = 0; i < count && i < MOST_NAMES && c.ok; i++)
		read_name(&c, &names);
	mac = count <= MOST_NAMES ? cursor_take(&c, 6) : NULL;
	detail(out, "computer", "%s", names.computer);
	detail(out, "domain", "%s", names.domain);
	say(out, "%s%s%s", names.domain, names.domain[0] && names.computer[0] ? "\\" : "",
	    names.computer[0] ? names.computer : "no name");
	if (names.files)
		say(out, "file server");
	if (names.controller || names.master)
		say(out, "domain controller");
	if (mac && memcmp(mac, "\0\0\0\0\0\0", 6) != 0) {
		char text[24];

		hex_text(text, sizeof(text), mac, 6, ":");
		detail(out, "mac", "%s", text);
		say(out, "%s", text);
	}
	detail(out, "names", "%s", names.all);
	return true;
}

static const struct reader readers[] = {
        {.service = "netbios-ns", .ports = {137}, .read = read_node_status},
};

READER_FAMILY(readers_netbios, readers);
