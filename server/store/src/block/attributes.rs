//! Attributes of spans, events or links: a row names its *shape* (keys and types in order), and each key's values
//! stand together in one column per type, where they compress well. Pure.

use hashbrown::{HashMap, HashSet};
use model::Value;

use super::bytes::{Reader, Writer, damaged};
use super::texts::Texts;
use crate::Error;

/// Key's text number and type.
type Field = (u32, u8);

const TEXT: u8 = 0;
const INT: u8 = 1;
const DOUBLE: u8 = 2;
const FALSE: u8 = 3;
const TRUE: u8 = 4;
const JSON: u8 = 5;

/// See the module. A value is a text's number, an integer's or a double's bits; booleans are their type.
#[derive(Debug, Default, Clone)]
pub(crate) struct Attributes {
    shapes: Vec<Vec<Field>>,
    /// Fields of all shapes.
    fields: usize,
    numbers: HashMap<Vec<Field>, u32>,
    /// Shape of each row.
    rows: Vec<u32>,
    /// Where each row's values begin.
    starts: Vec<u32>,
    values: Vec<u64>,
    /// The shape under construction, kept for its allocation.
    scratch: Vec<Field>,
}

/// A value of a type and bits.
fn value(texts: &Texts, kind: u8, bits: u64) -> Value {
    match kind {
        TEXT => Value::Text(texts.get(bits as u32).to_owned()),
        JSON => Value::Json(texts.get(bits as u32).to_owned()),
        INT => Value::Int(bits as i64),
        DOUBLE => Value::Double(f64::from_bits(bits)),
        other => Value::Bool(other == TRUE),
    }
}

impl Attributes {
    pub(crate) fn push<'a>(&mut self, texts: &mut Texts, row: impl IntoIterator<Item = (&'a str, &'a Value)>) {
        self.starts.push(self.values.len() as u32);
        self.scratch.clear();
        for (key, value) in row {
            let (kind, bits) = match value {
                Value::Text(text) => (TEXT, u64::from(texts.number(text))),
                Value::Json(text) => (JSON, u64::from(texts.number(text))),
                Value::Int(number) => (INT, *number as u64),
                Value::Double(number) => (DOUBLE, number.to_bits()),
                Value::Bool(yes) => (if *yes { TRUE } else { FALSE }, 0),
            };
            self.scratch.push((texts.number(key), kind));
            self.values.push(bits);
        }
        let shape = match self.numbers.get(&self.scratch) {
            Some(number) => *number,
            None => self.new_shape(self.scratch.clone()),
        };
        self.rows.push(shape);
    }

    fn new_shape(&mut self, shape: Vec<Field>) -> u32 {
        let number = self.shapes.len() as u32;
        self.fields += shape.len();
        self.numbers.insert(shape.clone(), number);
        self.shapes.push(shape);
        number
    }

    /// Makes room for the rows of others.
    pub(crate) fn reserve<'a>(&mut self, others: impl Iterator<Item = &'a Self>) {
        let (rows, values) =
            others.fold((0, 0), |(rows, values), other| (rows + other.rows.len(), values + other.values.len()));
        self.rows.reserve(rows);
        self.starts.reserve(rows);
        self.values.reserve(values);
    }

    /// Adds another's rows; `texts` maps its text numbers to those here.
    pub(crate) fn append(&mut self, other: &Self, texts: &[u32]) {
        let shapes: Vec<u32> = other
            .shapes
            .iter()
            .map(|shape| {
                let shape: Vec<Field> = shape.iter().map(|(key, kind)| (texts[*key as usize], *kind)).collect();
                self.numbers.get(&shape).copied().unwrap_or_else(|| self.new_shape(shape))
            })
            .collect();
        for (row, shape) in other.rows.iter().enumerate() {
            self.rows.push(shapes[*shape as usize]);
            self.starts.push(self.values.len() as u32);
            let values = other.values_of(row);
            let map = |((_, kind), bits): (&Field, &u64)| match *kind {
                TEXT | JSON => u64::from(texts[*bits as usize]),
                _ => *bits,
            };
            self.values.extend(other.shapes[*shape as usize].iter().zip(values).map(map));
        }
    }

    fn values_of(&self, row: usize) -> &[u64] {
        let start = self.starts[row] as usize;
        &self.values[start..start + self.shapes[self.rows[row] as usize].len()]
    }

    /// A row's value of a key, the first where it stands twice.
    pub(crate) fn value_of(&self, texts: &Texts, row: usize, key: &str) -> Option<Value> {
        let shape = &self.shapes[self.rows[row] as usize];
        let at = shape.iter().position(|(known, _)| texts.get(*known) == key)?;
        Some(value(texts, shape[at].1, self.values_of(row)[at]))
    }

    /// Each key with each of its values, once.
    pub(crate) fn for_each_distinct(&self, texts: &Texts, mut each: impl FnMut(&str, &Value)) {
        let mut seen = HashSet::new();
        for row in 0..self.rows.len() {
            for (field, bits) in self.shapes[self.rows[row] as usize].iter().zip(self.values_of(row)) {
                if seen.insert((*field, *bits)) {
                    each(texts.get(field.0), &value(texts, field.1, *bits));
                }
            }
        }
    }

    /// A row's attributes.
    pub(crate) fn get(&self, texts: &Texts, row: usize) -> Vec<(String, Value)> {
        let shape = &self.shapes[self.rows[row] as usize];
        let pairs = shape.iter().zip(self.values_of(row));
        pairs.map(|((key, kind), bits)| (texts.get(*key).to_owned(), value(texts, *kind, *bits))).collect()
    }

    /// Writes the rows in an order; `number` tells by which numbers texts are known to who reads.
    pub(crate) fn write(
        &self,
        writer: &mut Writer,
        order: impl Iterator<Item = usize> + Clone,
        mut number: impl FnMut(u32) -> u32,
    ) {
        let mut shapes: Vec<&[Field]> = Vec::new();
        let mut numbers: Vec<usize> = vec![usize::MAX; self.shapes.len()];
        let mut rows_of: Vec<usize> = Vec::new();
        for row in order.clone() {
            let old = self.rows[row] as usize;
            if numbers[old] == usize::MAX {
                numbers[old] = shapes.len();
                shapes.push(&self.shapes[old]);
                rows_of.push(0);
            }
            rows_of[numbers[old]] += 1;
        }
        writer.number(shapes.len() as u64);
        for shape in &shapes {
            writer.number(shape.len() as u64);
            for (key, kind) in *shape {
                writer.number(u64::from(number(*key)));
                writer.byte(*kind);
            }
        }
        order.clone().for_each(|row| writer.number(numbers[self.rows[row] as usize] as u64));
        let (columns, places) = columns(&shapes);
        let lengths = lengths(&rows_of, columns.len(), &places);
        let mut values: Vec<Vec<u64>> = lengths.into_iter().map(Vec::with_capacity).collect();
        for row in order {
            let places = &places[numbers[self.rows[row] as usize]];
            places.iter().zip(self.values_of(row)).for_each(|(place, bits)| values[*place].push(*bits));
        }
        for ((_, kind), values) in columns.iter().zip(values) {
            for bits in values {
                match *kind {
                    TEXT | JSON => writer.number(u64::from(number(bits as u32))),
                    INT => writer.signed(bits as i64),
                    DOUBLE => writer.raw(&bits.to_le_bytes()),
                    _ => {}
                }
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>, texts: usize, rows: usize) -> Result<Self, Error> {
        Self::read_keys(reader, texts, rows, |_| true)
    }

    /// Reads only the values of some keys, by the numbers of their texts; nothing sensible is known of the others.
    pub(crate) fn read_keys(
        reader: &mut Reader<'_>,
        texts: usize,
        rows: usize,
        is_wanted: impl Fn(u32) -> bool,
    ) -> Result<Self, Error> {
        let mut read = Self::default();
        for _ in 0..reader.length()? {
            let length = reader.length()?;
            let mut shape = Vec::with_capacity(length);
            for _ in 0..length {
                let field = (reader.index(texts)?, reader.byte()?);
                if field.1 > JSON {
                    return Err(damaged("a type is not known"));
                }
                shape.push(field);
            }
            read.shapes.push(shape);
        }
        let mut total = 0;
        read.rows.reserve(rows);
        read.starts.reserve(rows);
        for _ in 0..rows {
            let shape = reader.index(read.shapes.len())?;
            read.rows.push(shape);
            read.starts.push(u32::try_from(total).map_err(|_| damaged("there are too many attributes"))?);
            total += read.shapes[shape as usize].len();
        }
        read.values = vec![0; total];
        read.read_values(reader, texts, is_wanted)?;
        Ok(read)
    }

    fn read_values(
        &mut self,
        reader: &mut Reader<'_>,
        texts: usize,
        is_wanted: impl Fn(u32) -> bool,
    ) -> Result<(), Error> {
        let (columns, places) = columns(&self.shapes);
        let mut rows_of = vec![0; self.shapes.len()];
        self.rows.iter().for_each(|shape| rows_of[*shape as usize] += 1);
        let lengths = lengths(&rows_of, columns.len(), &places);
        let is_wanted: Vec<bool> = columns.iter().map(|(key, _)| is_wanted(*key)).collect();
        let room = |(length, is_wanted): (&usize, &bool)| Vec::with_capacity(if *is_wanted { *length } else { 0 });
        let mut cells: Vec<Vec<u32>> = lengths.iter().zip(&is_wanted).map(room).collect();
        // Of each shape the places that are wanted, and their columns.
        let wanted = |places: &Vec<usize>| {
            let all = places.iter().copied().enumerate();
            all.filter(|(_, column)| is_wanted[*column]).map(|(at, column)| (at as u32, column)).collect()
        };
        let places: Vec<Vec<(u32, usize)>> = places.iter().map(wanted).collect();
        for (shape, start) in self.rows.iter().zip(&self.starts) {
            places[*shape as usize].iter().for_each(|(at, column)| cells[*column].push(start + at));
        }
        for (column, (_, kind)) in columns.iter().enumerate() {
            let (length, cells) = (lengths[column], &cells[column]);
            match *kind {
                TEXT | JSON | INT if !is_wanted[column] => reader.skip_numbers(length)?,
                DOUBLE if !is_wanted[column] => _ = reader.raw(8 * length)?,
                TEXT | JSON => {
                    for cell in cells {
                        self.values[*cell as usize] = u64::from(reader.index(texts)?);
                    }
                }
                INT => {
                    for cell in cells {
                        self.values[*cell as usize] = reader.signed()? as u64;
                    }
                }
                DOUBLE => {
                    for cell in cells {
                        self.values[*cell as usize] = u64::from_le_bytes(reader.array()?);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Bytes that the columns take.
    pub(crate) fn size(&self) -> usize {
        // Each shape stands twice, in a list and as a key.
        let shapes = self.shapes.len() * 2 * size_of::<Vec<Field>>() + self.fields * 2 * size_of::<Field>();
        self.rows.len() * 8 + self.values.len() * 8 + shapes
    }
}

/// How many values each column has, by the number of rows of each shape.
fn lengths(rows_of: &[usize], columns: usize, places: &[Vec<usize>]) -> Vec<usize> {
    let mut lengths = vec![0; columns];
    for (places, rows) in places.iter().zip(rows_of) {
        places.iter().for_each(|place| lengths[*place] += rows);
    }
    lengths
}

/// The columns (a key and type each; a key twice in a shape is two) and, for each shape, its fields' columns.
fn columns(shapes: &[impl AsRef<[Field]>]) -> (Vec<Field>, Vec<Vec<usize>>) {
    let mut columns = Vec::new();
    let mut numbers: HashMap<(Field, usize), usize> = HashMap::new();
    let mut places = Vec::with_capacity(shapes.len());
    for shape in shapes {
        let shape = shape.as_ref();
        let mut seen: HashMap<Field, usize> = HashMap::new();
        let mut place = Vec::with_capacity(shape.len());
        for field in shape {
            let repeat = seen.entry(*field).or_default();
            let column = *numbers.entry((*field, *repeat)).or_insert_with(|| {
                columns.push(*field);
                columns.len() - 1
            });
            *repeat += 1;
            place.push(column);
        }
        places.push(place);
    }
    (columns, places)
}
