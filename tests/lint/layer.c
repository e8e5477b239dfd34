/* SPDX-License-Identifier: MIT */
/*
 * layer: the empty program of the link checks. That it links is the check (see
 * meson.build here).
 */
int main(void)
{
	return 0;
}
