/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_history.h"
