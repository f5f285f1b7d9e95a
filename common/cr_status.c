/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cr_status.h"
