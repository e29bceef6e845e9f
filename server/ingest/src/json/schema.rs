//! The messages of OTLP as tables: what a field is called in JSON, its number and its type.

/// A message: its fields by their JSON names.
pub(super) struct Message(pub(super) &'static [Field]);

/// A field: JSON name, number, type.
pub(super) struct Field(pub(super) &'static str, pub(super) u32, pub(super) Kind);

/// How a field is written, in JSON and on the wire.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Hex,
    Base64,
    Fixed32,
    Fixed64,
    Uint32,
    Int64,
    Enum,
    Double,
    Bool,
    One(&'static Message),
    Many(&'static Message),
    Texts,
    Sfixed64,
    Sint32,
    Fixed64s,
    Doubles,
    Uint64s,
    Int64s,
}

impl Kind {
    /// Whether JSON has an array of them.
    pub(super) fn is_array(self) -> bool {
        matches!(self, Self::Many(_) | Self::Texts | Self::Fixed64s | Self::Doubles | Self::Uint64s | Self::Int64s)
    }
}

/// `ExportTraceServiceRequest`.
pub(super) static TRACES: Message = Message(&[Field("resourceSpans", 1, Kind::Many(&RESOURCE_SPANS))]);
static RESOURCE_SPANS: Message = Message(&[
    Field("resource", 1, Kind::One(&RESOURCE)),
    Field("scopeSpans", 2, Kind::Many(&SCOPE_SPANS)),
    Field("schemaUrl", 3, Kind::Text),
]);
pub(super) static RESOURCE: Message = Message(&[
    Field("attributes", 1, Kind::Many(&KEY_VALUE)),
    Field("droppedAttributesCount", 2, Kind::Uint32),
    Field("entityRefs", 3, Kind::Many(&ENTITY_REF)),
]);
static ENTITY_REF: Message = Message(&[
    Field("schemaUrl", 1, Kind::Text),
    Field("type", 2, Kind::Text),
    Field("idKeys", 3, Kind::Texts),
    Field("descriptionKeys", 4, Kind::Texts),
]);
static SCOPE_SPANS: Message = Message(&[
    Field("scope", 1, Kind::One(&SCOPE)),
    Field("spans", 2, Kind::Many(&SPAN)),
    Field("schemaUrl", 3, Kind::Text),
]);
pub(super) static SCOPE: Message = Message(&[
    Field("name", 1, Kind::Text),
    Field("version", 2, Kind::Text),
    Field("attributes", 3, Kind::Many(&KEY_VALUE)),
    Field("droppedAttributesCount", 4, Kind::Uint32),
]);
static SPAN: Message = Message(&[
    Field("traceId", 1, Kind::Hex),
    Field("spanId", 2, Kind::Hex),
    Field("traceState", 3, Kind::Text),
    Field("parentSpanId", 4, Kind::Hex),
    Field("name", 5, Kind::Text),
    Field("kind", 6, Kind::Enum),
    Field("startTimeUnixNano", 7, Kind::Fixed64),
    Field("endTimeUnixNano", 8, Kind::Fixed64),
    Field("attributes", 9, Kind::Many(&KEY_VALUE)),
    Field("droppedAttributesCount", 10, Kind::Uint32),
    Field("events", 11, Kind::Many(&EVENT)),
    Field("droppedEventsCount", 12, Kind::Uint32),
    Field("links", 13, Kind::Many(&LINK)),
    Field("droppedLinksCount", 14, Kind::Uint32),
    Field("status", 15, Kind::One(&STATUS)),
    Field("flags", 16, Kind::Fixed32),
]);

/// `ExportLogsServiceRequest`.
pub(super) static LOGS: Message = Message(&[Field("resourceLogs", 1, Kind::Many(&RESOURCE_LOGS))]);
static RESOURCE_LOGS: Message = Message(&[
    Field("resource", 1, Kind::One(&RESOURCE)),
    Field("scopeLogs", 2, Kind::Many(&SCOPE_LOGS)),
    Field("schemaUrl", 3, Kind::Text),
]);
static SCOPE_LOGS: Message = Message(&[
    Field("scope", 1, Kind::One(&SCOPE)),
    Field("logRecords", 2, Kind::Many(&LOG_RECORD)),
    Field("schemaUrl", 3, Kind::Text),
]);
static LOG_RECORD: Message = Message(&[
    Field("timeUnixNano", 1, Kind::Fixed64),
    Field("severityNumber", 2, Kind::Enum),
    Field("severityText", 3, Kind::Text),
    Field("body", 5, Kind::One(&ANY_VALUE)),
    Field("attributes", 6, Kind::Many(&KEY_VALUE)),
    Field("droppedAttributesCount", 7, Kind::Uint32),
    Field("flags", 8, Kind::Fixed32),
    Field("traceId", 9, Kind::Hex),
    Field("spanId", 10, Kind::Hex),
    Field("observedTimeUnixNano", 11, Kind::Fixed64),
    Field("eventName", 12, Kind::Text),
]);

/// `ExportMetricsServiceRequest`.
pub(super) static METRICS: Message = Message(&[Field("resourceMetrics", 1, Kind::Many(&RESOURCE_METRICS))]);
static RESOURCE_METRICS: Message = Message(&[
    Field("resource", 1, Kind::One(&RESOURCE)),
    Field("scopeMetrics", 2, Kind::Many(&SCOPE_METRICS)),
    Field("schemaUrl", 3, Kind::Text),
]);
static SCOPE_METRICS: Message = Message(&[
    Field("scope", 1, Kind::One(&SCOPE)),
    Field("metrics", 2, Kind::Many(&METRIC)),
    Field("schemaUrl", 3, Kind::Text),
]);
static METRIC: Message = Message(&[
    Field("name", 1, Kind::Text),
    Field("description", 2, Kind::Text),
    Field("unit", 3, Kind::Text),
    Field("gauge", 5, Kind::One(&GAUGE)),
    Field("sum", 7, Kind::One(&SUM)),
    Field("histogram", 9, Kind::One(&HISTOGRAM)),
    Field("exponentialHistogram", 10, Kind::One(&EXPONENTIAL)),
    Field("summary", 11, Kind::One(&SUMMARY)),
    Field("metadata", 12, Kind::Many(&KEY_VALUE)),
]);
static GAUGE: Message = Message(&[Field("dataPoints", 1, Kind::Many(&NUMBER_POINT))]);
static SUM: Message = Message(&[
    Field("dataPoints", 1, Kind::Many(&NUMBER_POINT)),
    Field("aggregationTemporality", 2, Kind::Enum),
    Field("isMonotonic", 3, Kind::Bool),
]);
static HISTOGRAM: Message =
    Message(&[Field("dataPoints", 1, Kind::Many(&HISTOGRAM_POINT)), Field("aggregationTemporality", 2, Kind::Enum)]);
static EXPONENTIAL: Message =
    Message(&[Field("dataPoints", 1, Kind::Many(&EXPONENTIAL_POINT)), Field("aggregationTemporality", 2, Kind::Enum)]);
static SUMMARY: Message = Message(&[Field("dataPoints", 1, Kind::Many(&SUMMARY_POINT))]);
static NUMBER_POINT: Message = Message(&[
    Field("startTimeUnixNano", 2, Kind::Fixed64),
    Field("timeUnixNano", 3, Kind::Fixed64),
    Field("asDouble", 4, Kind::Double),
    Field("exemplars", 5, Kind::Many(&EXEMPLAR)),
    Field("asInt", 6, Kind::Sfixed64),
    Field("attributes", 7, Kind::Many(&KEY_VALUE)),
    Field("flags", 8, Kind::Uint32),
]);
static HISTOGRAM_POINT: Message = Message(&[
    Field("startTimeUnixNano", 2, Kind::Fixed64),
    Field("timeUnixNano", 3, Kind::Fixed64),
    Field("count", 4, Kind::Fixed64),
    Field("sum", 5, Kind::Double),
    Field("bucketCounts", 6, Kind::Fixed64s),
    Field("explicitBounds", 7, Kind::Doubles),
    Field("exemplars", 8, Kind::Many(&EXEMPLAR)),
    Field("attributes", 9, Kind::Many(&KEY_VALUE)),
    Field("flags", 10, Kind::Uint32),
    Field("min", 11, Kind::Double),
    Field("max", 12, Kind::Double),
]);
static EXPONENTIAL_POINT: Message = Message(&[
    Field("attributes", 1, Kind::Many(&KEY_VALUE)),
    Field("startTimeUnixNano", 2, Kind::Fixed64),
    Field("timeUnixNano", 3, Kind::Fixed64),
    Field("count", 4, Kind::Fixed64),
    Field("sum", 5, Kind::Double),
    Field("scale", 6, Kind::Sint32),
    Field("zeroCount", 7, Kind::Fixed64),
    Field("positive", 8, Kind::One(&BUCKETS)),
    Field("negative", 9, Kind::One(&BUCKETS)),
    Field("flags", 10, Kind::Uint32),
    Field("exemplars", 11, Kind::Many(&EXEMPLAR)),
    Field("min", 12, Kind::Double),
    Field("max", 13, Kind::Double),
    Field("zeroThreshold", 14, Kind::Double),
]);
static BUCKETS: Message = Message(&[Field("offset", 1, Kind::Sint32), Field("bucketCounts", 2, Kind::Uint64s)]);
static SUMMARY_POINT: Message = Message(&[
    Field("startTimeUnixNano", 2, Kind::Fixed64),
    Field("timeUnixNano", 3, Kind::Fixed64),
    Field("count", 4, Kind::Fixed64),
    Field("sum", 5, Kind::Double),
    Field("quantileValues", 6, Kind::Many(&QUANTILE)),
    Field("attributes", 7, Kind::Many(&KEY_VALUE)),
    Field("flags", 8, Kind::Uint32),
]);
static QUANTILE: Message = Message(&[Field("quantile", 1, Kind::Double), Field("value", 2, Kind::Double)]);
static EXEMPLAR: Message = Message(&[
    Field("timeUnixNano", 2, Kind::Fixed64),
    Field("asDouble", 3, Kind::Double),
    Field("spanId", 4, Kind::Hex),
    Field("traceId", 5, Kind::Hex),
    Field("asInt", 6, Kind::Sfixed64),
    Field("filteredAttributes", 7, Kind::Many(&KEY_VALUE)),
]);

static EVENT: Message = Message(&[
    Field("timeUnixNano", 1, Kind::Fixed64),
    Field("name", 2, Kind::Text),
    Field("attributes", 3, Kind::Many(&KEY_VALUE)),
    Field("droppedAttributesCount", 4, Kind::Uint32),
]);
static LINK: Message = Message(&[
    Field("traceId", 1, Kind::Hex),
    Field("spanId", 2, Kind::Hex),
    Field("traceState", 3, Kind::Text),
    Field("attributes", 4, Kind::Many(&KEY_VALUE)),
    Field("droppedAttributesCount", 5, Kind::Uint32),
    Field("flags", 6, Kind::Fixed32),
]);
static STATUS: Message = Message(&[Field("message", 2, Kind::Text), Field("code", 3, Kind::Enum)]);
static KEY_VALUE: Message = Message(&[Field("key", 1, Kind::Text), Field("value", 2, Kind::One(&ANY_VALUE))]);
pub(super) static ANY_VALUE: Message = Message(&[
    Field("stringValue", 1, Kind::Text),
    Field("boolValue", 2, Kind::Bool),
    Field("intValue", 3, Kind::Int64),
    Field("doubleValue", 4, Kind::Double),
    Field("arrayValue", 5, Kind::One(&ARRAY)),
    Field("kvlistValue", 6, Kind::One(&MAP)),
    Field("bytesValue", 7, Kind::Base64),
]);
static ARRAY: Message = Message(&[Field("values", 1, Kind::Many(&ANY_VALUE))]);
static MAP: Message = Message(&[Field("values", 1, Kind::Many(&KEY_VALUE))]);
