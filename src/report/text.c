/* text.c: times, numbers and the command line as the reports write them. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "text.h"

#define NS_PER_S 1000000000

void print_arguments(FILE *out, const struct scan_info *info)
{
	for (int i = 0; i < info->argc; i++) {
		if (i > 0)
			fputc(' ', out);
		print_escaped(out, info->argv[i], strlen(info->argv[i]));
	}
}

const char *time_as_nmap(int64_t wall_ns, char out[TIME_TEXT_BYTES])
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;
	char text[64];

	if (!localtime_r(&seconds, &tm) || !asctime_r(&tm, text))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	snprintf(out, TIME_TEXT_BYTES, "%.*s", TIME_TEXT_BYTES - 1, text);
	return out;
}

const char *time_local(int64_t wall_ns, char out[TIME_TEXT_BYTES])
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(out, TIME_TEXT_BYTES, "%Y-%m-%d %H:%M:%S %Z", &tm))
		out[0] = '\0';
	return out;
}

const char *time_utc(int64_t wall_ns, char out[TIME_TEXT_BYTES])
{
	int64_t part_ns = wall_ns % NS_PER_S;
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;
	size_t n;

	if (part_ns < 0) { /* before 1970, as the clock of a capture may have it */
		part_ns += NS_PER_S;
		seconds--;
	}
	out[0] = '\0';
	if (!gmtime_r(&seconds, &tm))
		return out;
	n = strftime(out, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, TIME_TEXT_BYTES - n, ".%03dZ", (int)(part_ns / 1000000));
	return out;
}

void print_thousandths(FILE *out, int64_t thousandths)
{
	int part = (int)(thousandths % 1000);

	if (thousandths < 0) { /* a clock that went back is no reason for a broken number */
		fputs("0.0", out);
		return;
	}
	fprintf(out, "%" PRId64 ".", thousandths / 1000);
	if (part % 100 == 0)
		fprintf(out, "%d", part / 100);
	else if (part % 10 == 0)
		fprintf(out, "%02d", part / 10);
	else
		fprintf(out, "%03d", part);
}

void print_seconds(FILE *out, int64_t ns)
{
	int64_t hundredths = ns > 0 ? (ns + 5000000) / 10000000 : 0;

	fprintf(out, "%" PRId64 ".%02d", hundredths / 100, (int)(hundredths % 100));
}

/* Without fprintf, of which the report of a sweep would feel a million. */
static void print_tenths(FILE *out, int64_t whole, int64_t part, int digits)
{
	char text[8] = {(char)('0' + whole), '.'};

	for (int i = digits; i > 0; i--, part /= 10)
		text[1 + i] = (char)('0' + part % 10);
	fputs(text, out);
}

void print_milliseconds(FILE *out, int64_t ns)
{
	int64_t us = nanoseconds_to_us(ns);

	if (us < 10)
		fputs("<0.01", out);
	else if (us < 995)
		print_tenths(out, 0, (us + 5) / 10, 2);
	else if (us < 9950)
		print_tenths(out, (us + 50) / 1000, (us + 50) % 1000 / 100, 1);
	else
		fprintf(out, "%" PRId64, (us + 500) / 1000);
}

int64_t nanoseconds_to_us(int64_t ns)
{
	return ns > 0 ? ns / 1000 + (ns % 1000 >= 500) : 0;
}

const char *port_service_name(const struct port_event *port)
{
	return port->reading && port->reading->service ? port->reading->service : port_service(port->port);
}

void print_line(FILE *out, const char *before, const char *text, const char *after)
{
	fputs(before, out);
	print_printable(out, text, strlen(text));
	fputs(after, out);
	fputc('\n', out);
}

const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

uint64_t summary_hosts(const struct scan_summary *summary)
{
	return summary->hosts_up + summary->hosts_down + summary->hosts_unknown;
}

bool host_is_shown(const struct scan_info *info, const struct host_result *host)
{
	return host->host.state == HOST_UP ||
	       (host->host.state == HOST_UNKNOWN && info->from_capture && host->port_count > 0);
}

const char *host_vendor(const struct scan_info *info, const struct host_event *host, char out[VENDOR_TEXT_BYTES])
{
	if (!host->has_mac || !host->vendor)
		return host->has_mac ? vendor_name(info->vendors, host->mac, out) : NULL;
	return host->vendor;
}
