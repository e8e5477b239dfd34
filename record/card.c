/* SPDX-License-Identifier: MIT */
/*
 * card: the numbers of payment cards.
 */
#include "record/redact.h"

enum {
	CARD_PREFIX = 4,
	CARD_DIGITS = 19, /* at most */
};

/* The first four digits that banks' cards have, and how long such a number is (ISO/IEC
 * 7812). Without it one id of thirteen or more digits in ten would pass for a card. */
static bool card_issued(unsigned int prefix, unsigned int count)
{
	static const struct {
		unsigned int low, high, shortest, longest;
	} ranges[] = {
		{ 2200, 2204, 16, 19 }, /* Mir */
		{ 2221, 2720, 16, 16 }, /* Mastercard */
		{ 3000, 3059, 14, 19 }, /* Diners Club */
		{ 3400, 3499, 15, 15 }, /* American Express */
		{ 3528, 3589, 16, 19 }, /* JCB */
		{ 3600, 3699, 14, 19 }, /* Diners Club */
		{ 3700, 3799, 15, 15 }, /* American Express */
		{ 3800, 3999, 14, 19 }, /* Diners Club */
		{ 4000, 4999, 13, 13 }, /* Visa */
		{ 4000, 4999, 16, 16 }, { 4000, 4999, 19, 19 },
		{ 5000, 5099, 13, 19 }, /* Maestro */
		{ 5100, 5599, 16, 16 }, /* Mastercard */
		{ 5600, 5899, 13, 19 }, /* Maestro */
		{ 6000, 6999, 13, 19 }, /* Maestro, Discover, UnionPay */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (prefix >= ranges[i].low && prefix <= ranges[i].high &&
		    count >= ranges[i].shortest && count <= ranges[i].longest) {
			return true;
		}
	}
	return false;
}

bool card_number(struct slice digits)
{
	unsigned char digit[CARD_DIGITS];
	unsigned int count = 0;
	unsigned int sum = 0;

	for (size_t i = 0; i < digits.len; i++) {
		unsigned int d = (unsigned int)(unsigned char)digits.ptr[i] - '0';

		if (d > 9) {
			continue; /* the blank or '-' between groups */
		}
		if (count == CARD_DIGITS) {
			return false;
		}
		digit[count++] = (unsigned char)d;
	}
	if (count < CARD_PREFIX ||
	    !card_issued(
	        digit[0] * 1000u + digit[1] * 100u + digit[2] * 10u + digit[3], count)) {
		return false;
	}
	for (unsigned int i = 1; i <= count; i++) {
		unsigned int d = digit[count - i];

		sum += i % 2 == 1 ? d : (d > 4 ? d * 2 - 9 : d * 2);
	}
	return sum % 10 == 0;
}
