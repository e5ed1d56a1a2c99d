/* read_tools.c: what the readers of answers share: text from the network, headers, BER, times. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "read.h"

/* How many bytes of text[0..n) can be kept without cutting a UTF-8 character in two. */
static size_t whole_characters(const char *text, size_t n)
{
	size_t start = n;

	while (start > 0 && n - start < 3 && ((uint8_t)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0 || (uint8_t)text[start - 1] < 0xc0)
		return n; /* the end is ASCII, or no UTF-8 at all */
	start--;
	if (n - start >= (size_t)((uint8_t)text[start] >= 0xf0 ? 4 : (uint8_t)text[start] >= 0xe0 ? 3 : 2))
		return n;
	return start;
}

size_t clean_text(char *out, size_t room, const uint8_t *bytes, size_t n)
{
	size_t length = 0, used = 0;
	bool blank = false;

	for (; used < n && length + 1 < room; used++) {
		uint8_t byte = bytes[used];

		if (byte == 0 || byte == ' ' || (byte >= '\t' && byte <= '\r')) {
			blank = true;
			continue;
		}
		if (blank && length > 0) {
			if (length + 2 >= room)
				break;
			out[length++] = ' ';
		}
		blank = false;
		out[length++] = (char)byte;
	}
	if (used < n)
		length = whole_characters(out, length);
	out[length] = '\0';
	return length;
}

void hex_text(char *out, size_t room, const uint8_t *bytes, size_t n, const char *separator)
{
	size_t length = 0, step = 2 + strlen(separator);

	out[0] = '\0';
	for (size_t i = 0; i < n && length + step < room; i++)
		length += (size_t)snprintf(out + length, room - length, "%s%02x", i ? separator : "", bytes[i]);
}

__attribute__((format(printf, 3, 0))) static void append(char *out, size_t room, const char *format, va_list args)
{
	size_t at = strlen(out);

	if (at > 0 && at + 3 < room) {
		out[at++] = ',';
		out[at++] = ' ';
		out[at] = '\0';
	}
	if ((size_t)vsnprintf(out + at, room - at, format, args) >= room - at)
		out[whole_characters(out, room - 1)] = '\0';
	for (char *c = out + at; *c; c++) {
		if (*c >= '\t' && *c <= '\r')
			*c = ' ';
	}
}

void say(struct service_reading *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(out->info, sizeof(out->info), format, args);
	va_end(args);
}

void detail(struct service_reading *out, const char *key, const char *format, ...)
{
	char value[256];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	detail_bytes(out, key, (const uint8_t *)value, strlen(value));
}

void detail_bytes(struct service_reading *out, const char *key, const uint8_t *bytes, size_t n)
{
	char value[256];

	if (bytes && clean_text(value, sizeof(value), bytes, n) > 0)
		service_add_detail(out, key, value);
}

/* Where the version begins in "Name/1.2", "Name-1.2", "name 1.2", "Name v1.2"; NULL: nowhere. */
static const char *version_in(const char *text)
{
	for (const char *at = text; *at; at++) {
		bool begins = at > text && strchr(" -/(", at[-1]);

		if (begins && isdigit((unsigned char)*at))
			return at;
		if (begins && (*at == 'v' || *at == 'V') && isdigit((unsigned char)at[1]))
			return at;
	}
	return NULL;
}

void product_of(struct service_reading *out, const char *text)
{
	const char *version = version_in(text);
	size_t length = version ? (size_t)(version - text) : strlen(text);

	while (length > 0 && strchr(" -/_,(", text[length - 1]))
		length--;
	clean_text(out->product, sizeof(out->product), (const uint8_t *)text, length);
	if (version)
		clean_text(out->version, sizeof(out->version), (const uint8_t *)version, strcspn(version, " ,;()"));
}

const char *duration_text(uint64_t seconds, char out[24])
{
	if (seconds >= 86400)
		snprintf(out, 24, "%llu d %llu h", (unsigned long long)seconds / 86400,
		         (unsigned long long)seconds % 86400 / 3600);
	else if (seconds >= 3600)
		snprintf(out, 24, "%llu h %llu min", (unsigned long long)seconds / 3600,
		         (unsigned long long)seconds % 3600 / 60);
	else if (seconds >= 60)
		snprintf(out, 24, "%llu min", (unsigned long long)seconds / 60);
	else
		snprintf(out, 24, "%llu s", (unsigned long long)seconds);
	return out;
}

/* Days since 1970 to a date: the year begins in March, so that the leap day is its last. */
const char *utc_text(int64_t seconds, char out[32])
{
	int64_t days = seconds / 86400, rest = seconds % 86400, era, year;
	unsigned day_of_era, year_of_era, day_of_year, month;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	days += 719468; /* from 0000-03-01 */
	era = (days >= 0 ? days : days - 146096) / 146097;
	day_of_era = (unsigned)(days - era * 146097);
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month = (5 * day_of_year + 2) / 153;
	year = (int64_t)year_of_era + era * 400 + (month >= 10);
	if (year < 0 || year > 9999) {
		snprintf(out, 32, "at no sane time");
		return out;
	}
	snprintf(out, 32, "%04d-%02u-%02u %02d:%02d:%02d UTC", (int)year, month < 10 ? month + 3 : month - 9,
	         day_of_year - (153 * month + 2) / 5 + 1, (int)(rest / 3600), (int)(rest % 3600 / 60),
	         (int)(rest % 60));
	return out;
}

bool has_prefix(const uint8_t *data, size_t n, const char *text)
{
	return n >= strlen(text) && memcmp(data, text, strlen(text)) == 0;
}

bool has_prefix_nocase(const uint8_t *data, size_t n, const char *text)
{
	return n >= strlen(text) && strncasecmp((const char *)data, text, strlen(text)) == 0;
}

const uint8_t *find_bytes(const uint8_t *data, size_t n, const char *text)
{
	for (; n > 0 && n >= strlen(text); data++, n--) {
		if (memcmp(data, text, strlen(text)) == 0)
			return data;
	}
	return NULL;
}

const uint8_t *header_value(const uint8_t *data, size_t n, const char *name, size_t *length)
{
	const uint8_t *end = data + n;

	for (const uint8_t *line = data; line && line < end;) {
		const uint8_t *stop = memchr(line, '\n', (size_t)(end - line));
		size_t left = (size_t)((stop ? stop : end) - line), name_bytes = strlen(name);

		if (line != data && left > name_bytes && has_prefix_nocase(line, left, name) &&
		    line[name_bytes] == ':') {
			line += name_bytes + 1;
			left -= name_bytes + 1;
			for (; left > 0 && (*line == ' ' || *line == '\t'); line++)
				left--;
			while (left > 0 && (line[left - 1] == '\r' || line[left - 1] == ' '))
				left--;
			*length = left;
			return line;
		}
		line = stop ? stop + 1 : NULL;
	}
	return NULL;
}

bool is_text(const uint8_t *data, size_t n)
{
	size_t plain = 0;

	for (size_t i = 0; i < n; i++)
		plain += (data[i] >= ' ' && data[i] < 0x7f) || (data[i] >= '\t' && data[i] <= '\r');
	return n > 0 && plain * 20 >= n * 19;
}

const uint8_t *cursor_string(struct cursor *c, size_t *length)
{
	size_t left = cursor_left(c);
	const uint8_t *start = c->at, *end = left > 0 ? memchr(start, 0, left) : NULL;

	*length = 0;
	if (!end) {
		c->ok = false;
		return NULL;
	}
	*length = (size_t)(end - start);
	cursor_take(c, *length + 1);
	return start;
}

const char *name_of(const struct named_number *table, uint32_t number)
{
	for (; table->name; table++) {
		if (table->number == number)
			return table->name;
	}
	return NULL;
}

struct cursor ber_enter(struct cursor *c, uint8_t tag)
{
	uint8_t found = cursor_u8(c), first = cursor_u8(c);
	size_t length = first < 0x80 ? first : 0;
	const uint8_t *content;

	if (!c->ok || found != tag || first == 0x80 || first > 0x84) {
		c->ok = false;
		return (struct cursor){c->at, c->at, false};
	}
	for (int more = first < 0x80 ? 0 : first - 0x80; c->ok && more > 0; more--)
		length = length << 8 | cursor_u8(c);
	if (!c->ok)
		return (struct cursor){c->at, c->at, false};
	if (length > cursor_left(c))
		length = cursor_left(c);
	content = c->at;
	cursor_take(c, length);
	return (struct cursor){content, content + length, true};
}

uint8_t ber_peek(const struct cursor *c)
{
	return cursor_left(c) > 0 ? *c->at : 0;
}

int64_t ber_integer(struct cursor *c, uint8_t tag)
{
	struct cursor content = ber_enter(c, tag);
	size_t length = cursor_left(&content);
	uint64_t value;

	if (length < 1 || length > 8) {
		c->ok = false;
		return 0;
	}
	value = *content.at & 0x80 && tag == 0x02 ? UINT64_MAX : 0;
	while (cursor_left(&content) > 0)
		value = value << 8 | cursor_u8(&content);
	return (int64_t)value;
}
