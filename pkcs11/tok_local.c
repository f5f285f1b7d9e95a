/* SPDX-License-Identifier: Apache-2.0 */
#include "pkcs11/tok_local.h"
