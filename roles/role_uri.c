/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_uri.h"
