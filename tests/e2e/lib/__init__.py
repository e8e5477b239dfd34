# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: a stand-in origin, the program under test, a raw client."""
