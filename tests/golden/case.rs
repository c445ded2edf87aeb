//! Cases and tensors as they stand on disk.

use crate::tolerance::Rule;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The elements of a tensor. Every type converts to `f64` without loss.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    F32(Vec<f32>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    I32(Vec<i32>),
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(x) => x.len(),
            Data::I8(x) => x.len(),
            Data::U8(x) => x.len(),
            Data::I32(x) => x.len(),
        }
    }

    /// The elements, exactly.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Data::F32(x) => x.iter().map(|&x| f64::from(x)).collect(),
            Data::I8(x) => x.iter().map(|&x| f64::from(x)).collect(),
            Data::U8(x) => x.iter().map(|&x| f64::from(x)).collect(),
            Data::I32(x) => x.iter().map(|&x| f64::from(x)).collect(),
        }
    }

    fn parse(dtype: Dtype, bytes: &[u8]) -> Result<Data, String> {
        let words = || bytes.as_chunks::<4>().0.iter().copied();
        match dtype {
            Dtype::F32 => Ok(Data::F32(words().map(f32::from_le_bytes).collect())),
            Dtype::I32 => Ok(Data::I32(words().map(i32::from_le_bytes).collect())),
            Dtype::I8 => Ok(Data::I8(bytes.iter().map(|b| b.cast_signed()).collect())),
            Dtype::U8 => Ok(Data::U8(bytes.to_vec())),
            other => Err(format!("data type {other:?} is not in use here")),
        }
    }
}

/// A tensor of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub data: Data,
}

impl Tensor {
    /// The elements of an `F32` tensor.
    pub fn f32(&self) -> Result<&[f32], String> {
        match &self.data {
            Data::F32(x) => Ok(x),
            _ => Err("expected an F32 tensor".into()),
        }
    }

    /// The elements of a `U8` tensor.
    pub fn u8(&self) -> Result<&[u8], String> {
        match &self.data {
            Data::U8(x) => Ok(x),
            _ => Err("expected a U8 tensor".into()),
        }
    }

    /// The elements of an `I32` tensor.
    pub fn i32(&self) -> Result<&[i32], String> {
        match &self.data {
            Data::I32(x) => Ok(x),
            _ => Err("expected an I32 tensor".into()),
        }
    }
}

/// Named tensors: those of a case, or those that a handler computed.
pub type Tensors = BTreeMap<String, Tensor>;

/// One case: parameters, tolerances and, once loaded, its tensors.
#[derive(Clone, Debug)]
pub struct Case {
    pub id: String,
    pub kind: String,
    pub file: String,
    pub params: Map<String, Value>,
    pub rules: BTreeMap<String, Rule>,
    /// Shapes that the index promises, by tensor name.
    pub shapes: BTreeMap<String, Vec<usize>>,
    pub tensors: Tensors,
}

impl Case {
    /// Reads an entry of the index; the tensors stay empty.
    pub fn parse(entry: &Value) -> Result<Case, String> {
        let text = |key: &str| match entry.get(key) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(format!("a case without the text `{key}`")),
        };
        let object = |key: &str| match entry.get(key) {
            Some(Value::Object(map)) => Ok(map.clone()),
            _ => Err(format!("a case without the object `{key}`")),
        };
        let mut rules = BTreeMap::new();
        for (name, rule) in object("tolerances")? {
            let rule = Rule::parse(&rule).map_err(|reason| format!("{name}: {reason}"))?;
            rules.insert(name, rule);
        }
        let mut shapes = BTreeMap::new();
        for (name, info) in object("tensors")? {
            let shape = info.get("shape").and_then(Value::as_array).and_then(|dims| {
                dims.iter().map(|dim| usize::try_from(dim.as_u64()?).ok()).collect()
            });
            shapes.insert(name.clone(), shape.ok_or(format!("{name}: no shape"))?);
        }
        Ok(Case {
            id: text("id")?,
            kind: text("kind")?,
            file: text("file")?,
            params: object("params")?,
            rules,
            shapes,
            tensors: Tensors::new(),
        })
    }

    /// Reads the tensors and holds them to what the index says about them.
    pub fn load(&mut self, folder: &Path) -> Result<(), String> {
        let path = folder.join(&self.file);
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", self.file))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| error.to_string())?;
        for (name, view) in file.iter() {
            let data = Data::parse(view.dtype(), view.data())?;
            self.tensors.insert(name.into(), Tensor { shape: view.shape().to_vec(), data });
        }
        let found: BTreeMap<_, _> = self
            .tensors
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.shape.clone()))
            .collect();
        if found == self.shapes { Ok(()) } else { Err("file and index list other tensors".into()) }
    }

    /// The mode of the case, if its kind has modes; with scale estimation it is another one.
    pub fn mode(&self) -> Option<String> {
        let mode = self.params.get("mode").and_then(Value::as_str)?;
        let estimates = self.params.get("scale_estimation") == Some(&Value::Bool(true));
        Some(if estimates { format!("{mode} scale_estimation") } else { mode.into() })
    }

    /// An input tensor by its bare name.
    pub fn input(&self, name: &str) -> Result<&Tensor, String> {
        self.tensors.get(&format!("in.{name}")).ok_or(format!("no input {name}"))
    }

    /// The elements of an `F32` input.
    pub fn input_f32(&self, name: &str) -> Result<&[f32], String> {
        self.input(name)?.f32().map_err(|reason| format!("{name}: {reason}"))
    }

    /// A parameter that may be absent or null.
    fn param(&self, name: &str) -> Option<&Value> {
        self.params.get(name).filter(|value| !value.is_null())
    }

    /// A true or false parameter.
    pub fn flag(&self, name: &str) -> Result<bool, String> {
        self.optional_flag(name)?.ok_or(format!("no parameter {name}"))
    }

    /// A true, false or null parameter.
    pub fn optional_flag(&self, name: &str) -> Result<Option<bool>, String> {
        match self.param(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(format!("parameter {name} is no flag")),
        }
    }

    /// An integer parameter.
    pub fn int<T: TryFrom<i64>>(&self, name: &str) -> Result<T, String> {
        let value = self.param(name).and_then(Value::as_i64);
        value.and_then(|value| T::try_from(value).ok()).ok_or(format!("no integer {name}"))
    }

    /// A parameter with a fraction.
    pub fn float(&self, name: &str) -> Result<f32, String> {
        let value = self.param(name).and_then(Value::as_f64);
        value.map(|value| value as f32).ok_or(format!("no number {name}"))
    }

    /// A text parameter.
    pub fn text(&self, name: &str) -> Result<&str, String> {
        self.param(name).and_then(Value::as_str).ok_or(format!("no text {name}"))
    }
}
