//! The messages of profiles as tables: OTLP's of opentelemetry-proto 1.10.0, and what Pyroscope's SDKs push.

use super::schema::{ANY_VALUE, Field, Kind, Message, RESOURCE, SCOPE};

/// `ExportProfilesServiceRequest`.
pub(super) static PROFILES: Message = Message(&[
    Field("resourceProfiles", 1, Kind::Many(&RESOURCE_PROFILES)),
    Field("dictionary", 2, Kind::One(&DICTIONARY)),
]);
static RESOURCE_PROFILES: Message = Message(&[
    Field("resource", 1, Kind::One(&RESOURCE)),
    Field("scopeProfiles", 2, Kind::Many(&SCOPE_PROFILES)),
    Field("schemaUrl", 3, Kind::Text),
]);
static SCOPE_PROFILES: Message = Message(&[
    Field("scope", 1, Kind::One(&SCOPE)),
    Field("profiles", 2, Kind::Many(&PROFILE)),
    Field("schemaUrl", 3, Kind::Text),
]);
static PROFILE: Message = Message(&[
    Field("sampleType", 1, Kind::One(&VALUE_TYPE)),
    Field("samples", 2, Kind::Many(&SAMPLE)),
    Field("timeUnixNano", 3, Kind::Fixed64),
    Field("durationNano", 4, Kind::Int64),
    Field("periodType", 5, Kind::One(&VALUE_TYPE)),
    Field("period", 6, Kind::Int64),
]);
static VALUE_TYPE: Message = Message(&[Field("typeStrindex", 1, Kind::Uint32), Field("unitStrindex", 2, Kind::Uint32)]);
static SAMPLE: Message = Message(&[
    Field("stackIndex", 1, Kind::Uint32),
    Field("values", 4, Kind::Int64s),
    Field("timestampsUnixNano", 5, Kind::Fixed64s),
]);
static DICTIONARY: Message = Message(&[
    Field("mappingTable", 1, Kind::Many(&MAPPING)),
    Field("locationTable", 2, Kind::Many(&LOCATION)),
    Field("functionTable", 3, Kind::Many(&FUNCTION)),
    Field("stringTable", 5, Kind::Texts),
    Field("attributeTable", 6, Kind::Many(&KEY_VALUE_AND_UNIT)),
    Field("stackTable", 7, Kind::Many(&STACK)),
]);
static MAPPING: Message = Message(&[Field("filenameStrindex", 4, Kind::Uint32)]);
static LOCATION: Message = Message(&[Field("mappingIndex", 1, Kind::Uint32), Field("lines", 3, Kind::Many(&LINE))]);
static LINE: Message = Message(&[Field("functionIndex", 1, Kind::Uint32)]);
static FUNCTION: Message = Message(&[
    Field("nameStrindex", 1, Kind::Uint32),
    Field("systemNameStrindex", 2, Kind::Uint32),
    Field("filenameStrindex", 3, Kind::Uint32),
]);
static STACK: Message = Message(&[Field("locationIndices", 1, Kind::Uint64s)]);
static KEY_VALUE_AND_UNIT: Message = Message(&[
    Field("keyStrindex", 1, Kind::Uint32),
    Field("value", 2, Kind::One(&ANY_VALUE)),
    Field("unitStrindex", 3, Kind::Uint32),
]);

/// `push.v1.PushRequest` (grafana/pyroscope, api/push/v1/push.proto).
pub(super) static PUSH: Message = Message(&[Field("series", 1, Kind::Many(&SERIES))]);
static SERIES: Message =
    Message(&[Field("labels", 1, Kind::Many(&LABEL)), Field("samples", 2, Kind::Many(&RAW_SAMPLE))]);
static LABEL: Message = Message(&[Field("name", 1, Kind::Text), Field("value", 2, Kind::Text)]);
static RAW_SAMPLE: Message = Message(&[Field("rawProfile", 1, Kind::Base64), Field("ID", 2, Kind::Text)]);
