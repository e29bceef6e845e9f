//! What leaks now, by service: found again from what is stored after every start, so it is kept in memory alone.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Leak, ServiceId};

/// Of services that were looked at, what leaks: the first to end at the front, nothing where nothing does.
pub type Leaks = HashMap<ServiceId, Arc<Vec<Leak>>>;
