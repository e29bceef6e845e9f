//! What leaks now and what there is too little of, by service: found again from what is stored after every start, so
//! it is kept in memory alone.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Leak, Saturation, ServiceId};

/// Of services that were looked at, what leaks: the first to end at the front, nothing where nothing does.
pub type Leaks = HashMap<ServiceId, Arc<Vec<Leak>>>;

/// Of services that were measured to have too little of something, what it is: the worst at the front.
pub type Saturations = HashMap<ServiceId, Arc<Vec<Saturation>>>;
