/* values.c: numbers, durations and hexadecimal bytes of the command line. */
#include "nscan/values.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t SECOND_NS = 1000000000;
static const double LEAST_RATE = 0.001; /* a second: one in 17 minutes; times between packets stay within 64 bits */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool has_hex_prefix(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

bool value_number(const char *text, uint64_t *out)
{
	int base = has_hex_prefix(text) ? 16 : 10;
	const char *digits = base == 16 ? text + 2 : text;
	uint64_t value = 0;

	if (!*digits)
		return false;
	for (; *digits; digits++) {
		int digit = hex_digit(*digits);

		if (digit < 0 || digit >= base)
			return false;
		if (value > (UINT64_MAX - (uint64_t)digit) / (uint64_t)base)
			return false;
		value = value * (uint64_t)base + (uint64_t)digit;
	}
	*out = value;
	return true;
}

/* Digits with at most one point among them; *end is what follows. No sign, exponent, "inf" or hexadecimal as strtod has. */
static bool plain_decimal(const char *text, double *out, const char **end)
{
	size_t n = strspn(text, "0123456789.");
	char digits[32];

	if (n == 0 || n >= sizeof(digits) || strspn(text, ".") == n)
		return false;
	memcpy(digits, text, n);
	digits[n] = '\0';
	if (strchr(digits, '.') != strrchr(digits, '.'))
		return false;
	*out = strtod(digits, NULL);
	*end = text + n;
	return true;
}

bool value_duration(const char *text, int64_t *out_ns)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"", 1}, {"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}};
	static const double century_s = 100.0 * 365 * 24 * 3600;
	const char *unit;
	double number;

	if (!plain_decimal(text, &number, &unit))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double seconds = number * units[i].seconds;

		if (strcmp(unit, units[i].unit) != 0)
			continue;
		if (seconds > century_s || seconds * (double)SECOND_NS < 1)
			return false;
		*out_ns = (int64_t)llround(seconds * (double)SECOND_NS);
		return true;
	}
	return false;
}

bool value_rate(const char *text, double *out)
{
	const char *end;
	double number;

	if (!plain_decimal(text, &number, &end) || *end || number < LEAST_RATE)
		return false;
	*out = number;
	return true;
}

bool value_hex16(const char *text, uint16_t *out)
{
	const char *digits = has_hex_prefix(text) ? text + 2 : text;
	size_t n = strlen(digits);
	unsigned value = 0;

	if (n == 0 || n > 4)
		return false;
	for (; *digits; digits++) {
		int digit = hex_digit(*digits);

		if (digit < 0)
			return false;
		value = value << 4 | (unsigned)digit;
	}
	*out = (uint16_t)value;
	return true;
}

bool value_hex_bytes(const char *text, uint8_t *out, size_t room, size_t *count)
{
	bool escaped = text[0] == '\\';
	size_t n = 0;

	if (has_hex_prefix(text))
		text += 2;
	while (*text) {
		int high, low;

		if (escaped) {
			if (text[0] != '\\' || (text[1] != 'x' && text[1] != 'X'))
				return false;
			text += 2;
		}
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0 || n == room)
			return false;
		out[n++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	*count = n;
	return n > 0;
}

const char *duration_format(int64_t ns, char out[DURATION_TEXT_BYTES])
{
	int64_t seconds = ns / SECOND_NS;

	if (ns < 0)
		snprintf(out, DURATION_TEXT_BYTES, "?");
	else if (seconds < 10)
		snprintf(out, DURATION_TEXT_BYTES, "%.1f s", (double)ns / (double)SECOND_NS);
	else if (seconds < 60)
		snprintf(out, DURATION_TEXT_BYTES, "%d s", (int)seconds);
	else if (seconds < 3600)
		snprintf(out, DURATION_TEXT_BYTES, "%d m %d s", (int)(seconds / 60), (int)(seconds % 60));
	else if (seconds < 24 * 3600)
		snprintf(out, DURATION_TEXT_BYTES, "%d h %d m", (int)(seconds / 3600), (int)(seconds / 60 % 60));
	else
		snprintf(out, DURATION_TEXT_BYTES, "%lld d %d h", (long long)(seconds / 86400),
		         (int)(seconds / 3600 % 24));
	return out;
}
