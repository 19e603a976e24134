# Not the product's operator instance model: the methods that the templates call, over a description in JSON.
package Expression;
sub new { my ($class, $data) = @_; return bless {%$data}, $class; }
sub getSPLExpression { $_[0]{spl} }
sub getCppExpression { $_[0]{cpp} // $_[0]{spl} }
sub getSourceLocation { 'test.spl:1:1' }

package Parameter;
sub new { my ($class, $values) = @_; return bless {values => [map { Expression->new($_) } @$values]}, $class; }
sub getNumberOfValues { scalar @{$_[0]{values}} }
sub getValueAt { $_[0]{values}[$_[1]] }

package Attribute;
sub new { my ($class, $data) = @_; return bless {%$data}, $class; }
sub getName { $_[0]{name} }
sub getSPLType { $_[0]{type} }
sub getCppType {
    my $type = $_[0]{type};
    $type =~ s/\b(rstring|blob|boolean|u?int\d+|float\d+|list|map)\b/SPL::$1/g;
    $type =~ s/>>/> >/g;
    return $type;
}
sub hasAssignment { exists $_[0]{function} || exists $_[0]{expression} ? 1 : 0 }
sub hasAssignmentWithOutputFunction { exists $_[0]{function} ? 1 : 0 }
sub getAssignmentOutputFunctionName { $_[0]{function} }
sub getAssignmentOutputFunctionParameterValueAt { Expression->new({spl => $_[0]{expression}}) }
sub getAssignmentValue { Expression->new({spl => $_[0]{expression}}) }
sub getAssignmentSourceLocation { 'test.spl:2:1' }

package Port;
sub new { my ($class, $data) = @_; return bless {attributes => [map { Attribute->new($_) } @$data]}, $class; }
sub getAttributes { $_[0]{attributes} }
sub getAttributeByName { my ($self, $name) = @_; return (grep { $_->getName() eq $name } @{$self->{attributes}})[0]; }
sub getCppTupleName { 'iport$0' }
sub getSourceLocation { 'test.spl:3:1' }

package Context;
sub new { my ($class, $data) = @_; return bless {%$data}, $class; }
sub getKind { 'com.teracloud.streamsx.stt::' . ($_[0]{kind} // 'SpeechToText') }
sub getSourceLocation { 'test.spl:4:1' }
sub getCheckpointingKind { $_[0]{checkpoint} // 'none' }
sub getOptionalContext { my ($self) = @_; return $self->{consistent} ? bless({%$self}, 'Region') : undef; }

package Region;
sub isStartOfRegion { $_[0]{start} }

package Model;
sub new { my ($class, $data) = @_; return bless {%$data}, $class; }
sub getParameterByName {
    my ($self, $name) = @_;
    my $values = $self->{parameters}{$name} or return undef;
    return Parameter->new($values);
}
sub getContext { Context->new($_[0]{context} // {}) }
sub getInputPortAt { $_[0]{input} ? Port->new($_[0]{input}) : undef }
sub getNumberOfOutputPorts { scalar @{$_[0]{outputs}} }
sub getOutputPortAt { Port->new($_[0]{outputs}[$_[1]]) }

package main;
use JSON::PP;
require SPL::CodeGen;

sub run_template {
    my ($instance) = @_;
    open my $file, '<', $instance or die "$instance: $!";
    local $/;
    main::generate(Model->new(decode_json(<$file>)));
    print STDERR "warning: $_\n" for @SPL::CodeGen::warnings;
}

1;
