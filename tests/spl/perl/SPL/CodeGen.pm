# Not the product's module: so much of its interface as the templates use, written for these tests.
package SPL::CodeGen;

use strict;
use warnings;

sub exitln { die "exitln: $_[0]\n"; }
our @warnings;
sub warnln { push @warnings, $_[0]; }

sub tuple_class {
    my ($name, $port) = @_;
    my $code = "class $name : public SPL::Tuple {\npublic:\n";
    for my $attribute (@{$port->getAttributes()}) {
        my ($attr, $type) = ($attribute->getName(), $attribute->getCppType());
        $code .= "    $type const & get_$attr() const { return ${attr}_; }\n    $type & get_$attr() { return ${attr}_; }\n"
            . "    void set_$attr($type const & value) { ${attr}_ = value; }\n    $type ${attr}_ = $type();\n";
    }
    return "$code};\n";
}

sub headerPrologue {
    my ($model, $includes) = @_;
    print "#ifndef GENERATED_H\n#define GENERATED_H\n";
    print "$_\n" for @{$includes || []};
    print "#include <SPL/Runtime/Operator/Operator.h>\nnamespace generated {\n";
    print tuple_class('Input0', $model->getInputPortAt(0)) if $model->getInputPortAt(0);
    print tuple_class("Output$_", $model->getOutputPortAt($_)) for 0 .. $model->getNumberOfOutputPorts() - 1;
    print "class Base : public SPL::Operator {\npublic:\n";
    print "    typedef Input0 IPort0Type;\n" if $model->getInputPortAt(0);
    print "    typedef Output$_ OPort${_}Type;\n" for 0 .. $model->getNumberOfOutputPorts() - 1;
    print "    SPL::rstring lit\$0;\n    SPL::list<SPL::rstring> lit\$1;\n};\n";
}
sub headerEpilogue { print "}\n#endif\n"; }
sub implementationPrologue { print "#include \"generated.h\"\nusing namespace SPL;\n"; }
sub implementationEpilogue { print "\n"; }

1;
