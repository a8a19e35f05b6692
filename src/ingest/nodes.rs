//! Reading the server's trees of nodes: expressions and what conditions of triggers are made of.

use pgrx::pg_sys::{self, NodeTag};

/// A kind of node.
///
/// # Safety
/// Nodes with the tag are laid out as the type.
pub unsafe trait Kind {
    /// What tells such a node.
    const TAG: NodeTag;
}

macro_rules! kinds {
    ($($kind:ident $tag:ident)*) => {$(
        // SAFETY: the server gives the tag of that name to nodes of this type and to no others.
        unsafe impl Kind for pg_sys::$kind {
            const TAG: NodeTag = NodeTag::$tag;
        }
    )*};
}

kinds! {
    BoolExpr T_BoolExpr
    Const T_Const
    FuncExpr T_FuncExpr
    NamedArgExpr T_NamedArgExpr
    NullTest T_NullTest
    RawStmt T_RawStmt
    RelabelType T_RelabelType
    SubLink T_SubLink
    SupportRequestSimplify T_SupportRequestSimplify
    UpdateStmt T_UpdateStmt
    Var T_Var
}

/// A node as what it is, if it is of a kind.
///
/// # Safety
/// `node` is null or points to a node that nobody changes as long as the result is there.
pub unsafe fn cast<'a, K: Kind>(node: *mut pg_sys::Node) -> Option<&'a K> {
    // SAFETY: every node begins with its tag, which tells its layout.
    unsafe {
        let tag = node.as_ref()?.type_;
        (tag == K::TAG).then(|| &*node.cast())
    }
}

/// An element of a list of nodes.
///
/// # Safety
/// `list` is null, for an empty one, or points to a list of nodes.
pub unsafe fn nth(list: *mut pg_sys::List, n: usize) -> Option<*mut pg_sys::Node> {
    // SAFETY: a list has as many elements as its length says, and these are nodes.
    unsafe {
        let list = list.as_ref().filter(|list| n < list.length as usize)?;
        let node: *mut pg_sys::Node = (*list.elements.add(n)).ptr_value.cast();
        (!node.is_null()).then_some(node)
    }
}
