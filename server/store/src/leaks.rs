//! What leaks now, by service: found again from what is stored after every start, so it is kept in memory alone.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Leak, ServiceId};

/// Of services that leak, what does: the first to end at the front.
pub type Leaks = HashMap<ServiceId, Arc<Vec<Leak>>>;
