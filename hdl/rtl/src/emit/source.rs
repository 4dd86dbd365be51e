//! What the sources say about a block: the table that the build script makes.

/// A block's type as its source declares it.
pub(super) struct Block {
    pub name: &'static str,
    pub doc: &'static [&'static str],
    /// Names of its constant parameters.
    pub generics: &'static [&'static str],
    pub fields: &'static [Field],
}

/// A signal, register, constant or block within a block; for an array, one of its elements.
pub(super) struct Field {
    pub name: &'static str,
    pub doc: &'static [&'static str],
    pub kind: &'static str,
    pub arguments: &'static [&'static str],
    /// Row and column variable and number of columns, if it is indexed by row and column.
    pub grid: Option<(char, char, usize)>,
    /// Attributes for the synthesiser.
    pub attributes: &'static [&'static str],
}

include!(concat!(env!("OUT_DIR"), "/blocks.rs"));

/// A type with the values of its constant parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Type {
    pub name: String,
    pub arguments: Vec<String>,
}

impl Type {
    /// From what the compiler calls it, such as `firebrick_rtl::common::mem::Fifo<224, 5, 6>`.
    pub fn of<T>() -> Type {
        let text = std::any::type_name::<T>();
        let (path, arguments) = text.split_once('<').unwrap_or((text, ""));
        let arguments = arguments.trim_end_matches('>').split(',');
        Type {
            name: path.rsplit("::").next().unwrap_or(path).to_owned(),
            arguments: arguments
                .map(|a| a.trim().to_owned())
                .filter(|a| !a.is_empty())
                .collect(),
        }
    }

    /// What its source says, if it is one of this crate's.
    pub fn block(&self) -> Option<&'static Block> {
        BLOCKS.iter().find(|block| block.name == self.name)
    }

    /// The field that an element such as `lines$3` belongs to.
    pub fn field(&self, element: &str) -> Option<&'static Field> {
        let name = element.split('$').next().unwrap_or(element);
        self.block()?.fields.iter().find(|field| field.name == name)
    }

    /// The type of the block in a field, its parameters those of this type; a type named after the
    /// field where the source is not known.
    pub fn child(&self, element: &str) -> Type {
        let Some(field) = self.field(element) else {
            return Type {
                name: element.split('$').next().unwrap_or(element).to_owned(),
                arguments: Vec::new(),
            };
        };
        let generics = self.block().map_or(&[][..], |block| block.generics);
        let value = |argument: &&str| {
            let position = generics.iter().position(|g| g == argument);
            let bound = position.and_then(|i| self.arguments.get(i));
            bound.map_or_else(|| (*argument).to_owned(), Clone::clone)
        };
        Type {
            name: field.kind.to_owned(),
            arguments: field.arguments.iter().map(value).collect(),
        }
    }
}
