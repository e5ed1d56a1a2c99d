/* read_games.c: game and voice servers that tell their name, map and players: Quake, Source, Teeworlds, Luanti, RakNet, Mumble, TeamSpeak. */
#include <stdio.h>

#include "read.h"

/* The value of "\key\value\..." as Quake servers write it. */
static void take_info(struct service_reading *out, const uint8_t *text, size_t n, const char *key, const char *as)
{
	char name[40];
	const uint8_t *start, *end;

	snprintf(name, sizeof(name), "\\%s\\", key);
	start = find_bytes(text, n, name);
	if (!start)
		return;
	start += strlen(name);
	for (end = start; end < text + n && *end != '\\' && *end != '\n'; end++)
		;
	detail_bytes(out, as, start, (size_t)(end - start));
}

static void say_detail(struct service_reading *out, const char *key, const char *before)
{
	const char *value = service_detail(out, key);

	if (value)
		say(out, "%s%.60s", before, value);
}

/* Quake 3's out-of-band messages (its servers' sources; xonotic, openarena, urban terror and others speak it too). */
static bool read_quake3(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const char status[] = "statusResponse\n", info[] = "infoResponse\n";
	const uint8_t *text;
	size_t left, players = 0;

	if (n < 5 || memcmp(data, "\xff\xff\xff\xff", 4) != 0)
		return false;
	text = data + 4;
	left = n - 4;
	if (!has_prefix(text, left, status) && !has_prefix(text, left, info))
		return false;
	take_info(out, text, left, "version", "version");
	take_info(out, text, left, "sv_hostname", "name");
	take_info(out, text, left, "hostname", "name");
	take_info(out, text, left, "mapname", "map");
	take_info(out, text, left, "gamename", "game");
	take_info(out, text, left, "sv_maxclients", "max-players");
	take_info(out, text, left, "clients", "players");
	if (has_prefix(text, left, status)) {
		const uint8_t *line = memchr(text + strlen(status), '\n', left - strlen(status));

		/* A line for each player follows the line of values. */
		while (line && ++line < text + left && (line = memchr(line, '\n', (size_t)(text + left - line))))
			players++;
		detail(out, "players", "%zu", players);
	}
	if (service_detail(out, "version"))
		product_of(out, service_detail(out, "version"));
	say_detail(out, "name", "");
	say_detail(out, "version", "");
	say_detail(out, "map", "map ");
	say_detail(out, "players", "players ");
	return true;
}

/* Valve's server queries, A2S_INFO: header 'I', and for those that want a challenge first, 'A'. */
static bool read_a2s(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const char *const keys[] = {"name", "map", "folder", "game"};
	struct cursor c = cursor_of(data, n);
	size_t length;
	uint8_t players, most;

	if (cursor_u32(&c) != 0xffffffff)
		return false;
	switch (cursor_u8(&c)) {
	case 'A':
		if (n != 9)
			return false;
		say(out, "asks for its challenge to be sent back");
		return true;
	case 'I':
		break;
	default:
		return false;
	}
	detail(out, "protocol", "%u", cursor_u8(&c));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const uint8_t *text = cursor_string(&c, &length);

		if (!text)
			return false;
		detail_bytes(out, keys[i], text, length);
	}
	cursor_u16le(&c); /* application */
	players = cursor_u8(&c);
	most = cursor_u8(&c);
	cursor_u32(&c); /* bots, kind, system, password */
	cursor_u8(&c);  /* VAC */
	if (c.ok) {
		const uint8_t *version = cursor_string(&c, &length);

		detail(out, "players", "%u", players);
		detail(out, "max-players", "%u", most);
		if (version)
			detail_bytes(out, "version", version, length);
	}
	if (service_detail(out, "game"))
		snprintf(out->product, sizeof(out->product), "%.50s", service_detail(out, "game"));
	if (service_detail(out, "version"))
		snprintf(out->version, sizeof(out->version), "%.50s", service_detail(out, "version"));
	say_detail(out, "name", "");
	say_detail(out, "game", "");
	say_detail(out, "map", "map ");
	if (c.ok)
		say(out, "%u of %u players", players, most);
	return true;
}

/* Teeworlds 0.6's connectionless server info: ten bytes of 0xff, then texts: token, version, name, map, kind, flags, players. */
static bool read_teeworlds(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const char *const keys[] = {NULL, "version", "name", "map", "game", NULL, "players", "max-players"};
	struct cursor c = cursor_of(data, n);

	if (n < 16 || (memcmp(data + 10, "inf3", 4) != 0 && memcmp(data + 10, "iext", 4) != 0))
		return false;
	cursor_take(&c, 14);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t length;
		const uint8_t *text = cursor_string(&c, &length);

		if (!text)
			break;
		if (keys[i])
			detail_bytes(out, keys[i], text, length);
	}
	if (!service_detail(out, "version"))
		return false;
	snprintf(out->product, sizeof(out->product), "Teeworlds");
	snprintf(out->version, sizeof(out->version), "%.50s", service_detail(out, "version"));
	say_detail(out, "name", "");
	say_detail(out, "version", "version ");
	say_detail(out, "map", "map ");
	say_detail(out, "players", "players ");
	return true;
}

/* Teeworlds 0.7: a control packet whose message is a token (5), before anything else may be asked. */
static bool read_teeworlds_token(const uint8_t *data, size_t n, struct service_reading *out)
{
	if (n < 12 || n > 520 || (data[0] & 0x3c) != 0x04 || data[2] != 0 || data[7] != 5)
		return false;
	snprintf(out->product, sizeof(out->product), "Teeworlds");
	snprintf(out->version, sizeof(out->version), "0.7");
	say(out, "Teeworlds 0.7, gives a token");
	return true;
}

/* Luanti (Minetest) network protocol: id, sender, channel; reliable (3), its first sequence number, control (0), the peer's id (1). */
static bool read_luanti(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint32_t id = cursor_u32(&c);
	uint16_t peer = cursor_u16(&c);
	uint8_t channel = cursor_u8(&c), kind = cursor_u8(&c);

	if (!c.ok || id != 0x4f457403 || peer != 1 || channel > 2 || kind > 3)
		return false;
	say(out, "Luanti (Minetest) server, gives out a peer id");
	return true;
}

/* RakNet's unconnected pong; Minecraft's servers describe themselves in it: "MCPE;name;protocol;version;players;most;...". */
static bool read_raknet(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const uint8_t magic[16] = {0x00, 0xff, 0xff, 0x00, 0xfe, 0xfe, 0xfe, 0xfe,
	                                  0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78};
	static const char *const keys[] = {"edition", "name", "protocol", "version", "players", "max-players"};
	struct cursor c = cursor_of(data, n);
	const uint8_t *found, *text;
	size_t length;

	if (cursor_u8(&c) != 0x1c || !cursor_take(&c, 16))
		return false;
	found = cursor_take(&c, sizeof(magic));
	if (!found || memcmp(found, magic, sizeof(magic)) != 0)
		return false;
	length = cursor_u16(&c);
	if (length > cursor_left(&c))
		length = cursor_left(&c);
	text = c.at;
	for (size_t i = 0; c.ok && i < sizeof(keys) / sizeof(keys[0]) && length > 0; i++) {
		const uint8_t *end = memchr(text, ';', length);
		size_t part = end ? (size_t)(end - text) : length;

		detail_bytes(out, keys[i], text, part);
		text += part + (end != NULL);
		length -= part + (end != NULL);
	}
	if (service_detail(out, "edition")) {
		snprintf(out->product, sizeof(out->product), "Minecraft");
		if (service_detail(out, "version"))
			snprintf(out->version, sizeof(out->version), "%.50s", service_detail(out, "version"));
	}
	say_detail(out, "name", "");
	say_detail(out, "version", "version ");
	say_detail(out, "players", "players ");
	return true;
}

/* Mumble's ping: version, the 8 bytes of the request, users, most users, bandwidth. */
static bool read_mumble(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint32_t version = cursor_u32(&c), users, most, bandwidth;

	cursor_take(&c, 8);
	users = cursor_u32(&c);
	most = cursor_u32(&c);
	bandwidth = cursor_u32(&c);
	if (n != 24 || version >> 24 != 0 || version >> 16 == 0 || version >> 16 > 9 || most == 0 || most > 100000 ||
	    users > most || bandwidth < 8000)
		return false;
	snprintf(out->product, sizeof(out->product), "Mumble");
	snprintf(out->version, sizeof(out->version), "%u.%u.%u", version >> 16, version >> 8 & 0xff, version & 0xff);
	detail(out, "version", "%s", out->version);
	detail(out, "users", "%u", users);
	detail(out, "max-users", "%u", most);
	detail(out, "bandwidth", "%u bit/s", bandwidth);
	say(out, "Mumble %s, %u of %u users", out->version, users, most);
	return true;
}

/* TeamSpeak 3's first packets are marked so. */
static bool read_teamspeak(const uint8_t *data, size_t n, struct service_reading *out)
{
	if (n < 12 || !has_prefix(data, n, "TS3INIT1"))
		return false;
	snprintf(out->product, sizeof(out->product), "TeamSpeak 3");
	say(out, "TeamSpeak 3, begins its handshake");
	return true;
}

static const struct reader readers[] = {
        {.service = "quake3", .ports = {27960}, .read = read_quake3},
        {.service = "source-engine", .ports = {27015, 27016, 2303}, .read = read_a2s},
        {.service = "teeworlds", .ports = {8303}, .read = read_teeworlds},
        {.service = "teeworlds", .ports = {8303}, .only_there = true, .read = read_teeworlds_token},
        {.service = "luanti", .ports = {30000}, .read = read_luanti},
        {.service = "minecraft-bedrock", .ports = {19132}, .read = read_raknet},
        {.service = "mumble", .ports = {64738}, .read = read_mumble},
        {.service = "teamspeak3", .ports = {9987}, .read = read_teamspeak},
};

READER_FAMILY(readers_games, readers);
