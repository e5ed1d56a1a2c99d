/* escape.c: text that nobody vouches for, made safe to print. */
#include "text.h"

size_t utf8_decode(const char *text, size_t n, uint32_t *code)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least; /* below it the form is overlong */
	} forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms) && i < n; i++) {
		uint8_t first = (uint8_t)text[0];

		if ((first & forms[i].mask) != forms[i].lead)
			continue;
		*code = (uint32_t)(first & ~forms[i].mask);
		for (size_t k = 1; k <= i; k++) {
			if (((uint8_t)text[k] & 0xc0) != 0x80)
				return 0;
			*code = *code << 6 | ((uint8_t)text[k] & 0x3f);
		}
		if (*code < forms[i].least || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
			return 0;
		return i + 1;
	}
	return 0;
}

bool is_plain_character(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} unsafe[] = {
	        {0x00, 0x1f},     {0x7f, 0x9f},     /* controls; terminals take 0x9b as ESC [ */
	        {0x200e, 0x200f}, {0x2028, 0x202e}, /* line separators and changes of direction */
	        {0x2066, 0x2069}, {0xfeff, 0xfeff}, /* isolates; byte order mark */
	        {0xfdd0, 0xfdef},                   /* not characters */
	};

	for (size_t i = 0; i < sizeof(unsafe) / sizeof(*unsafe); i++) {
		if (code >= unsafe[i].first && code <= unsafe[i].last)
			return false;
	}
	return (code & 0xfffe) != 0xfffe;
}

static void print_except(FILE *out, const char *text, size_t n, const char *special)
{
	while (n > 0) {
		uint32_t code = 0;
		size_t length = utf8_decode(text, n, &code);
		bool plain = length > 0 && is_plain_character(code);

		for (const char *s = special; plain && *s; s++)
			plain = code != (uint32_t)*s;
		if (length == 0)
			length = 1;
		if (plain)
			fwrite(text, 1, length, out);
		for (size_t i = 0; !plain && i < length; i++)
			fprintf(out, "\\x%02x", (uint8_t)text[i]);
		text += length;
		n -= length;
	}
}

void print_escaped(FILE *out, const char *text, size_t n)
{
	print_except(out, text, n, "\"'\\");
}

void print_printable(FILE *out, const char *text, size_t n)
{
	print_except(out, text, n, "");
}
