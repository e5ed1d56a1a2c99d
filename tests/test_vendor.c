/* test_vendor.c: whose hardware address that is: prefixes of three lengths, two kinds of lists, names that are not plain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/vendor.h"
#include "support/report_fixture.h"

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static char *folder_of_lists(void)
{
	char *folder = fixture_folder();

	write_file(folder, "oui.csv",
	           "Registry,Assignment,Organization Name,Organization Address\n"
	           "MA-L,001B21,Intel Corporate,Lot 8  MY 09000\n"
	           "MA-L,70B3D5,IEEE Registration Authority,445 Hoes Lane\n"
	           "MA-L,00AA01,\"Quoted, with \"\"comma\"\" Inc. \",\"Street\n"
	           "second line\"\n"
	           "MA-L,00AA02,Z\xc3\xbcrich \x1b[31m\xff,x\n"
	           "MA-L,00AA02,The second word on it,x\n"
	           "MA-L,00AA03,,x\n"
	           "MA-L,00AA0,too short,x\n"
	           "MA-L,00AA04");
	write_file(folder, "mam.csv",
	           "Registry,Assignment,Organization Name,Organization Address\n"
	           "MA-M,741AE09,Twenty-eight bits,x\n");
	write_file(folder, "oui36.csv", "MA-S,70B3D5F2F,TELEPLATFORMS,x\r\n");
	write_file(folder, "iab.csv", "IAB,0050C27D5,DEUTA-WERKE GmbH,Paffrather Strasse 140\n");
	write_file(folder, "nmap", "# a comment\n001B21 Intel in short\n741AE09 Twenty-eight\n70B3D5F2F Thirty-six\n");
	return folder;
}

static const char *name_of(struct vendors *vendors, const char *mac, char out[VENDOR_TEXT_BYTES])
{
	uint8_t bytes[MAC_BYTES];
	const char *name;

	assert_int_equal(sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
	                        &bytes[4], &bytes[5]),
	                 MAC_BYTES);
	name = vendor_name(vendors, bytes, out);
	return name ? name : "(none)";
}

static void test_ieee(void **state)
{
	static const struct {
		const char *mac;
		const char *name;
	} rows[] = {
	        {"00:1b:21:01:02:03", "Intel Corporate"},
	        {"70:b3:d5:f2:f0:01", "TELEPLATFORMS"},
	        {"70:b3:d5:f2:e0:01", "(none)"}, /* parted further, that part is not known */
	        {"74:1a:e0:9f:00:00", "Twenty-eight bits"},
	        {"74:1a:e0:8f:00:00", "(none)"},
	        {"00:50:c2:7d:50:00", "DEUTA-WERKE GmbH"},
	        {"00:aa:01:00:00:00", "Quoted, with \"comma\" Inc."},
	        {"00:aa:02:00:00:00", "Z\xc3\xbcrich ?[31m?"},
	        {"00:aa:03:00:00:00", "(none)"},
	        {"00:aa:04:00:00:00", "(none)"},
	        {"02:1b:21:01:02:03", "(none)"}, /* locally administered */
	        {"01:1b:21:01:02:03", "(none)"}, /* multicast */
	        {"ff:ff:ff:ff:ff:ff", "(none)"},
	};
	char *folder = folder_of_lists(), out[VENDOR_TEXT_BYTES];
	struct vendors *vendors = vendors_new(folder, "/nowhere");

	(void)state;
	assert_non_null(vendors);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(name_of(vendors, rows[i].mac, out), rows[i].name);
	vendors_free(vendors);
	fixture_remove(folder);
}

static void test_nmap_when_ieee_is_missing(void **state)
{
	char *folder = folder_of_lists(), out[VENDOR_TEXT_BYTES], path[256];
	struct vendors *vendors;

	(void)state;
	snprintf(path, sizeof(path), "%s/nmap", folder);
	vendors = vendors_new("/nowhere", path);
	assert_non_null(vendors);
	assert_string_equal(name_of(vendors, "00:1b:21:01:02:03", out), "Intel in short");
	assert_string_equal(name_of(vendors, "74:1a:e0:9f:00:00", out), "Twenty-eight");
	assert_string_equal(name_of(vendors, "70:b3:d5:f2:f0:01", out), "Thirty-six");
	vendors_free(vendors);
	fixture_remove(folder);
}

static void test_no_list_at_all(void **state)
{
	struct vendors *vendors = vendors_new("/nowhere", "/nowhere");
	char out[VENDOR_TEXT_BYTES];

	(void)state;
	assert_non_null(vendors);
	assert_string_equal(name_of(vendors, "00:1b:21:01:02:03", out), "(none)");
	vendors_free(vendors);
	assert_string_equal(name_of(NULL, "00:1b:21:01:02:03", out), "(none)");
}

/* Long names are cut between characters. */
static void test_long_name(void **state)
{
	char *folder = fixture_folder(), out[VENDOR_TEXT_BYTES], line[600] = "MA-L,00AA05,";
	struct vendors *vendors;
	const char *name;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(line, "\xe2\x82\xac");
	strcat(line, ",x\n");
	write_file(folder, "oui.csv", line);
	vendors = vendors_new(folder, "/nowhere");
	assert_non_null(vendors);
	name = name_of(vendors, "00:aa:05:00:00:00", out);
	assert_true(strlen(name) >= VENDOR_TEXT_BYTES - 6 && strlen(name) < VENDOR_TEXT_BYTES);
	assert_int_equal(strlen(name) % 3, 0);
	vendors_free(vendors);
	fixture_remove(folder);
}

/* What the machine has installed, if it has: more than one prefix in ten thousand must be known. */
static void test_installed_lists(void **state)
{
	struct vendors *vendors = vendors_new(NULL, NULL);
	char out[VENDOR_TEXT_BYTES];
	const char *xerox;

	(void)state;
	assert_non_null(vendors);
	xerox = name_of(vendors, "00:00:00:01:02:03", out);
	if (strcmp(xerox, "(none)") == 0) {
		vendors_free(vendors);
		skip();
	}
	assert_non_null(strcasestr(xerox, "xerox"));
	vendors_free(vendors);
}

/* All formats that tell hardware addresses tell whose they are. */
static void test_in_reports(void **state)
{
	static const struct {
		const struct report_format *format;
		const char *text;
	} rows[] = {
	        {&report_normal, "Host is up (0.11 ms, arp-reply). 00:1B:21:01:02:03 (Intel Corporate)\n"},
	        {&report_xml, "<address addr=\"00:1B:21:01:02:03\" addrtype=\"mac\" vendor=\"Intel Corporate\"/>"},
	        {&report_json, "\"mac\":\"00:1B:21:01:02:03\",\"vendor\":\"Intel Corporate\""},
	};
	struct event events[] = {event_up(0), event_done(0)};
	struct scan_summary summary = fixture_summary(1, 0, 0);
	struct scan_info info = fixture_info();
	char *folder = folder_of_lists();

	(void)state;
	memcpy(events[0].u.host.mac, (uint8_t[]){0, 0x1b, 0x21, 1, 2, 3}, MAC_BYTES);
	info.vendors = vendors_new(folder, "/nowhere");
	assert_non_null(info.vendors);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = fixture_report(rows[i].format, &info, events, 2, &summary);

		if (!strstr(text, rows[i].text))
			fail_msg("wanted %s in: %s", rows[i].text, text);
		free(text);
	}
	vendors_free(info.vendors);
	fixture_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_ieee),
	        cmocka_unit_test(test_nmap_when_ieee_is_missing),
	        cmocka_unit_test(test_no_list_at_all),
	        cmocka_unit_test(test_long_name),
	        cmocka_unit_test(test_installed_lists),
	        cmocka_unit_test(test_in_reports),
	};

	return cmocka_run_group_tests_name("vendor", tests, NULL, NULL);
}
