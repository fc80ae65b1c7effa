/*
 * message/date.h: the Date field (RFC 5322 3.3 and 4.3, and what old programs wrote).
 *
 * Does     "Tue, 24 Nov 2026 02:40:40 +0100 (CET)" with or without its day and seconds, two-digit years, named zones,
 *          comments anywhere, "-" or "/" between the parts, asctime's order, ISO 8601. An odd time or zone is taken as
 *          00:00:00 and UTC (RFC 5256 2.2).
 * Fails    false if there is no day, month and year that exist.
 * Tested   tests/unit/message_address.c, fuzz/address_date.c
 */
#ifndef MESSAGE_DATE_H
#define MESSAGE_DATE_H

#include "base/view.h"

bool date_read(struct view value, int64_t *utc_s_r, int16_t *zone_minutes_r);

#endif
